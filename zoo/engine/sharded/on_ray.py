"""Workers that are actors of Ray, on this machine or on a cluster."""

from __future__ import annotations

import io
import os
import re
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

from zoo.engine.sharded.event import Event
from zoo.engine.sharded.worker import Worker
from zoo.errors import ShardError

ANSWER_SECONDS = 5.0
"""How long a machine may take to open its door."""

START_SECONDS = 90.0
"""How long a cluster may take to let us in."""

JOINING = (
    "ray status, on its head node, tells whether it runs; all machines need one version of Ray and "
    "Python, and where it has a token RAY_AUTH_MODE=token and ~/.ray/auth_token"
)

QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


class Ray:
    """Actors, each a `Worker`. Ray is started here, or the cluster at an address is asked.

    Args:
        setup: As `Worker` takes it; where it asks for cores, each worker has a machine.
        workers: How many there are to be.
        address: Of a cluster: "ray://HOST:10001", "HOST:6379" or "auto"; None to start Ray here.

    Raises:
        ShardError: Ray is not installed, nothing answers at the address, or there are too few
            machines.
    """

    def __init__(self, setup: Mapping[str, Any], workers: int, address: str | None) -> None:
        check(address)
        import ray

        self._ray = ray
        # Ray tells of every actor that dies on standard output, where only results belong.
        self._stdout, sys.stdout = sys.stdout, io.StringIO()
        self._setup = dict(setup)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._left = threading.Event()
        gpus = int(setup["gpu"])
        try:
            if address is None:
                _start(ray, workers)
            else:
                _join(ray, address, self._left)
            self._machines = None if setup["cores"] is None else _machines(ray, workers, gpus)
        except ShardError:
            sys.stdout = self._stdout
            self._left.set()
            raise
        self._actor = ray.remote(num_cpus=1, num_gpus=gpus)(Worker)
        self._actors: dict[int, Any] = {}
        self._waiting: dict[Any, int] = {}

    def start(self, worker: int, seat: int) -> None:
        """Make an actor."""
        make = self._actor.options(**self._machine(seat))
        actor = self._actors[worker] = make.remote(self._setup)
        self._waiting[actor.hello.remote()] = worker

    def give(self, worker: int, order: Mapping[str, Any]) -> None:
        """Call an actor."""
        self._waiting[self._actors[worker].work.remote(**order)] = worker

    def next(self, timeout: float) -> Event | None:
        """Wait for an actor's answer, or for its end."""
        found, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=timeout)
        if not found:
            return None
        worker = self._waiting.pop(found[0])
        try:
            ((kind, value),) = self._ray.get(found[0]).items()
        except self._ray.exceptions.RayError as error:
            del self._actors[worker]
            return Event(worker, "died", _last_words(error))
        return Event(worker, kind, value)

    def stop(self) -> None:
        """End all actors, and leave Ray."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        if self._machines is not None:
            self._ray.util.remove_placement_group(self._machines)
        self._ray.shutdown()
        self._left.set()
        sys.stdout = self._stdout

    def _machine(self, seat: int) -> dict[str, Any]:
        """Where a worker is to be, if it has a machine."""
        if self._machines is None:
            return {}
        strategies = self._ray.util.scheduling_strategies
        return {
            "num_cpus": self._machines.bundle_specs[seat]["CPU"],
            "scheduling_strategy": strategies.PlacementGroupSchedulingStrategy(
                self._machines, seat
            ),
        }


def check(address: str | None) -> None:
    """See that Ray is there, and that something listens at an address.

    Raises:
        ShardError: It is not, or nothing does.
    """
    try:
        import ray  # noqa: F401
    except ImportError:
        raise ShardError("Ray is not installed", "pip install 'keras-zoo[ray]'") from None
    if address is None or address in ("auto", "local"):
        return
    match = re.fullmatch(r"(?:ray://)?(?P<host>[^/:]+):(?P<port>\d+)", address)
    if match is None:
        raise ShardError(
            f"{address!r} is no address of a Ray cluster",
            "accepted: ray://HOST:10001, HOST:6379, auto",
        )
    try:
        socket.create_connection((match["host"], int(match["port"])), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ShardError(
            f"no Ray cluster answers at {address}: {error}",
            "ray status, on its head node, tells whether it runs; see host, port and firewall",
        ) from None


def _start(ray: Any, cores: int) -> None:
    """Start Ray on this machine, for this process alone."""
    before = os.environ.get("PYTHONPATH")
    # Actors are to import what this process would.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        ray.init(address="local", num_cpus=cores, include_dashboard=False, **QUIET)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ShardError(
            f"Ray cannot be started on this machine: {reason}",
            "where that is a time-out, the machine is too busy: Ray gives its agents 15 s",
        ) from None
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _join(ray: Any, address: str, left: threading.Event) -> None:
    """Join a cluster in bounded time.

    Whatever Ray starts for it ends with the thread that started it, which stays until it is left.
    """
    failed: list[BaseException] = []
    inside = threading.Event()

    def enter() -> None:
        try:
            ray.init(address=address, **QUIET)
        except BaseException as error:
            failed.append(error)
        inside.set()
        left.wait()

    threading.Thread(target=enter, daemon=True).start()
    if not inside.wait(START_SECONDS):
        raise ShardError(f"Ray at {address} did not answer within {START_SECONDS:.0f} s", JOINING)
    if failed:
        reason = str(failed[0]).strip().partition("\n")[0]
        raise ShardError(f"Ray at {address} cannot be used: {reason}", JOINING)


def _machines(ray: Any, count: int, gpus: int) -> Any:
    """Have so many machines, none of them twice: measurements would disturb each other.

    Raises:
        ShardError: There are fewer.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    cores = min((node["Resources"]["CPU"] for node in nodes), default=1)
    machine = {"CPU": cores, "GPU": gpus} if gpus else {"CPU": cores}
    machines = ray.util.placement_group([machine] * count, strategy="STRICT_SPREAD")
    if not machines.wait(START_SECONDS):
        ray.shutdown()
        raise ShardError(
            f"{count} workers, each on a machine of its own, and {len(nodes)} in the Ray cluster",
            f"--workers {len(nodes)}, or wait until they are free",
        )
    return machines


def _last_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"its actor ended: {' | '.join(lines[:3])[:400]}"
