"""The replicas of a model that train together, and what they tell each other."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from zoo.engine import runtime
from zoo.errors import DeviceError, WorkerLost

if TYPE_CHECKING:
    import keras

    from zoo.engine.strategy.cluster import Cluster

LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
"""What TensorFlow raises where another worker went away, depending on what it was doing."""

SIGNS = re.compile(r"ollective|/task:\d|eartbeat|peer|coordination")
"""What its message has in it then."""


@dataclass(frozen=True)
class Team:
    """Those who train one model together; the one without others is `ALONE`.

    Args:
        strategy: What runs the replicas; None for one.
        cluster: The workers, or None where there is one process.
    """

    strategy: tf.distribute.Strategy | None = None
    cluster: Cluster | None = None

    @property
    def workers(self) -> int:
        """How many processes there are."""
        return self.cluster.count if self.cluster else 1

    @property
    def number(self) -> int:
        """Which of the processes this is."""
        return self.cluster.number if self.cluster else 0

    @property
    def chief(self) -> bool:
        """Whether this process writes the run."""
        return self.number == 0

    @property
    def replicas(self) -> int:
        """How many times the model computes at once, in all processes together."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in every replica, and give what the first of this process returns."""
        assert self.strategy is not None
        return self.strategy.experimental_local_results(self.strategy.run(function, arguments))[0]

    def sum(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Add numbers up over the workers, each of whom calls this and gets the same.

        Args:
            values: float32 tensors of the same shapes everywhere.
        """
        return list(self._sum(list(values))) if self.workers > 1 else list(values)

    @cached_property
    def _sum(self) -> Callable[[list[tf.Tensor]], list[tf.Tensor]]:
        return tf.function(lambda values: self.run(summed, values), autograph=False)

    def tell(self, text: str) -> list[str]:
        """Exchange a text: every worker calls this, and gets those of all in their order."""
        if self.workers == 1:
            return [text]
        own = text.encode()
        lengths = self.sum([tf.one_hot(self.number, self.workers) * len(own)])[0].numpy()
        width = max(1, int(lengths.max()))
        row = tf.pad(tf.constant(list(own), tf.float32), [[0, width - len(own)]])
        table = self.sum([tf.one_hot(self.number, self.workers)[:, None] * row])[0].numpy()
        return [
            bytes(row[: int(length)].astype(int).tolist()).decode()
            for row, length in zip(table, lengths, strict=True)
        ]

    def union(self, facts: dict[str, str]) -> dict[str, str]:
        """What any worker knows, by the same key."""
        together: dict[str, str] = {}
        for text in self.tell(json.dumps(facts)):
            together |= json.loads(text)
        return together

    def align(self, variables: Sequence[keras.Variable]) -> None:
        """Give every worker the chief's values, float32, whatever made its own differ."""
        if self.workers == 1:
            return
        own = 1.0 if self.chief else 0.0
        for each, value in zip(
            variables, self.sum([each.value * own for each in variables]), strict=True
        ):
            each.assign(value)

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """Let the others do what follows once the chief has: it may find what the chief left."""
        if not self.chief:
            self.tell("")
        yield
        if self.chief:
            self.tell("")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say it in a sentence when another worker goes away."""
        try:
            yield
        except LOST as error:
            if self.cluster is None or not SIGNS.search(str(error)):
                raise
            named = sorted({int(n) for n in re.findall(r"/task:(\d+)", str(error))} - {self.number})
            lost = [f"worker {n} at {self.cluster.addresses[n]}" for n in named[:3]]
            raise WorkerLost(
                f"{', '.join(lost) or 'another worker'} is gone",
                hint="start all workers again with --resume; it goes on from the last checkpoint",
            ) from None


ALONE = Team()

_FORMED = threading.Event()
"""Whether this process is, or was, one of several workers."""


def summed(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Add tensors up over all replicas, in one of them, and in one message however many."""
    flat = tf.concat([tf.reshape(each, [-1]) for each in values], 0)
    context = tf.distribute.get_replica_context()
    parts = tf.split(
        context.all_reduce(tf.distribute.ReduceOp.SUM, flat),
        [each.shape.num_elements() for each in values],
    )
    return [tf.reshape(part, each.shape) for part, each in zip(parts, values, strict=True)]


def check_first() -> None:
    """See that this process has not trained with other workers before.

    Raises:
        DeviceError: If it has: TensorFlow starts them once.
    """
    if _FORMED.is_set():
        raise DeviceError(
            "this process has trained with other workers already, and cannot begin anew with them",
            hint="start all workers again for each training",
        )


def form(strategy: str, cluster: Cluster | None, device: str | None = None) -> tuple[Team, str]:
    """Start TensorFlow for those who train together.

    Args:
        strategy: As `cluster.find` accepted it.
        cluster: As it gave them.
        device: Where one is to calculate.

    Returns:
        The team, and where it calculates, to be shown.
    """
    if cluster is not None:
        place = runtime.start(turn=cluster.turn)
        return _multi_worker(cluster), f"{place} in each of {cluster.count} workers"
    if strategy == "mirrored":
        place = runtime.start(every=True)
        team = _mirrored()
        return team, f"{place}, {team.replicas} replicas"
    return ALONE, runtime.start(device)


def _mirrored() -> Team:
    """A replica on each GPU that TensorFlow sees, or on each logical CPU where it sees none."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return Team(tf.distribute.MirroredStrategy([device.name for device in devices]))


def _multi_worker(cluster: Cluster) -> Team:
    """A replica in each worker, once all of them are there.

    Args:
        cluster: The workers.

    Raises:
        DeviceError: If TensorFlow has computed something already.
    """
    visible = len(tf.config.get_visible_devices("GPU"))
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.number,
        rpc_layer="grpc",
        num_accelerators={"GPU": visible} if visible else {},
    )
    try:
        with _sigterm_as_it_is():
            # No time-out: TensorFlow has a thread sleep through it for every message.
            strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError as error:
        raise DeviceError(
            f"multi-worker training cannot start: {error}",
            hint="call zoo.train before anything else computes in the process",
        ) from None
    _FORMED.set()
    return Team(strategy, cluster)


@contextmanager
def _sigterm_as_it_is() -> Iterator[None]:
    """Let SIGTERM do afterwards what it did before: TensorFlow takes it, and goes on training."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():  # No other may.
        signal.signal(signal.SIGTERM, before)
