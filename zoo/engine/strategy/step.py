"""A training step that replicas share: each takes part of the batch, and all take one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from zoo.engine import anatomy
from zoo.engine.augmented import Augmented
from zoo.engine.strategy.team import summed
from zoo.errors import ClusterError

if TYPE_CHECKING:
    from zoo.engine.strategy.team import Team
    from zoo.recipe import Phase


class Shared(Augmented):
    """A functional model whose step is the one of a single process, computed by replicas.

    Keras's `fit` knows nothing of them: it reads batches, calls a function and reads metrics. The
    function computes gradients and scores of each replica's part, weighs them by the pictures of
    the whole batch and sums them; the optimizer then takes the step that it would take alone,
    with the same clipping, decay and averages. Variables are ordinary ones, equal in all workers
    since every worker adds the same to them.

    Of a batch, replica r of R has the pictures at r, r + R, r + 2R and so on. Workers read nothing
    else; replicas of one process take theirs from the batch that it reads.
    """

    team: Team

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on one batch."""
        gradients = self.team.run(self._gradients, data)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Score one batch; what comes back is of this worker's part until the last is through."""
        own: dict[str, Any] = self.team.run(self._score, data)
        return own

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics of all workers' pictures; within a replica those of this worker's."""
        if tf.distribute.has_strategy():
            own: dict[str, Any] = super().get_metrics_result()
            return own
        variables = self.metrics_variables
        total = self.team.sum([tf.convert_to_tensor(each.value) for each in variables])
        with keras.StatelessScope(state_mapping=list(zip(variables, total, strict=True))):
            whole: dict[str, Any] = super().get_metrics_result()
        return whole

    def _of_batches(self, step: Callable[[Any], Any]) -> Callable[[Iterator[Any]], Any]:
        # Traced once, for batches of any length: workers that meet a short batch at different
        # times would else trace at different times, and tell collective operations apart by it.
        compiled = tf.function(step, autograph=False)
        function: Callable[[Any], Any] | None = None

        def next_step(batches: Any) -> Any:
            nonlocal function
            if function is None:
                function = compiled.get_concrete_function(batches.element_spec)
            return function(*tf.nest.flatten(next(batches)))

        return next_step

    def _gradients(self, data: Any) -> list[tf.Tensor]:
        """The gradient of the whole batch, in a replica that computes its part of it."""
        replica, own, (x, labels, weights) = self._own(data)
        if self.plan is not None:
            x = self._augment(*x)
        total = summed([own])[0]
        size = (total + self.parts - 1) // self.parts
        variables = [each.value for each in self.trainable_variables]
        sums = [tf.zeros(each.shape, each.dtype) for each in variables]
        for part in range(self.parts):
            # Of the batch's part those that are here: their places in it are replica + i * count.
            begin, end = (
                tf.clip_by_value(-((replica - size * edge) // self.team.replicas), 0, own)
                for edge in (part, part + 1)
            )
            count = end - begin
            # It computes one picture for nothing rather than none.
            first = tf.minimum(begin, tf.shape(labels)[0] - 1)
            inside, counted = slice(first, tf.maximum(end, first + 1)), slice(count)
            chosen = None if weights is None else weights[inside]
            # One part after another, or all of them would be in memory at once.
            with tf.control_dependencies(sums), tf.GradientTape() as tape:
                logits = self._logits(x[inside], replica)
                loss = self._mean_loss(x[inside], labels[inside], logits, chosen, training=True)
                share = tf.cast(count, loss.dtype) / tf.cast(total, loss.dtype)
                scaled = self.optimizer.scale_loss(loss * share)
            found = tape.gradient(scaled, variables, unconnected_gradients="zero")
            sums = [a + tf.convert_to_tensor(b) for a, b in zip(sums, found, strict=True)]
            self._loss_tracker.update_state(loss, sample_weight=count)
            self.compute_metrics(
                None, labels[inside][counted], logits[counted], _some(chosen, counted)
            )
        return summed(sums)

    def _logits(self, x: tf.Tensor, replica: int) -> tf.Tensor:
        """Run the model as it trains."""
        first = replica == 0 or self.team.workers > 1
        # Replicas of one process have its variables in common: moving statistics, which are of
        # all replicas' pictures, move once, and what is drawn is drawn from seeds of their own.
        mapping = [
            (each, each.value + tf.constant([replica, 0], each.value.dtype))
            for each in self.non_trainable_variables
            if "seed_generator" in each.path
        ]
        with nullcontext() if first else keras.StatelessScope(state_mapping=mapping):
            return self(x, training=True)

    def _score(self, data: Any) -> dict[str, Any]:
        _, count, (x, labels, weights) = self._own(data)
        logits = self(x, training=False)
        loss = self._mean_loss(x, labels, logits, weights, training=False)
        self._loss_tracker.update_state(loss, sample_weight=count)
        counted = slice(count)
        own: dict[str, Any] = self.compute_metrics(
            None, labels[counted], logits[counted], _some(weights, counted)
        )
        return own

    def _mean_loss(self, *batch: Any, training: bool) -> tf.Tensor:
        """The mean over pictures; Keras divides it by the number of replicas."""
        loss = self.compute_loss(*batch, training=training)
        return loss * tf.cast(self.team.replicas, loss.dtype)

    def _own(self, data: Any) -> tuple[int, tf.Tensor, Any]:
        """A replica's number, how many pictures of a batch are its own, and these.

        Workers read nothing else. Of a batch that is too short for all of them, one is at hand
        nevertheless; see `data.shared`.
        """
        context = tf.distribute.get_replica_context()
        replica = int(tf.get_static_value(context.replica_id_in_sync_group))
        if self.team.workers > 1:
            *data, count = data
        else:
            length = tf.shape(data[1])[0]
            count = (length - replica + self.team.replicas - 1) // self.team.replicas
            inside = slice(tf.minimum(replica, length - 1), None, self.team.replicas)
            with tf.device("CPU:0"):
                data = tf.nest.map_structure(lambda each: each[inside], data)
        x, labels, weights = keras.utils.unpack_x_y_sample_weight(tuple(data))
        return replica, tf.cast(count, tf.int32), (x, labels, weights)


def _some(weights: tf.Tensor | None, counted: slice) -> tf.Tensor | None:
    return None if weights is None else weights[counted]


def check_batches(model: keras.Model, phase: Phase, pictures: int, team: Team) -> None:
    """See that every replica has pictures to normalise, where a phase normalises as it trains.

    Args:
        model: The model, its layers set free.
        phase: The phase.
        pictures: Training pictures of an epoch.
        team: The replicas.

    Raises:
        ClusterError: If a part of a batch has fewer pictures than there are replicas.
    """
    if team.replicas == 1 or not _learning(model):
        return

    def smallest(batch_size: int) -> int:
        """Pictures of the smallest part of an epoch's batches; 0 or less where parts are empty."""
        full = min(batch_size, pictures)
        lengths = full, pictures % full or full
        return min(n - -(-n // phase.accumulate) * (phase.accumulate - 1) for n in lengths)

    if (least := smallest(phase.batch_size)) >= team.replicas:
        return
    fitting = [
        size
        for size in range(team.replicas * phase.accumulate, 2 * phase.batch_size)
        if smallest(size) >= team.replicas
    ]
    near = min(fitting, key=lambda size: abs(size - phase.batch_size), default=None)
    parts = "" if phase.accumulate == 1 else f" in {phase.accumulate} parts"
    raise ClusterError(
        f"phase {phase.name} normalises batches of {phase.batch_size}{parts}, and the last of an "
        f"epoch has {max(least, 0)} pictures for {team.replicas} replicas",
        hint=f"--batch-size {near} leaves each of them some" if near else "use fewer replicas",
    )


def _learning(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The layers of batch normalisation that train, those of auxiliary classifiers as well."""
    return [
        layer
        for layer in anatomy.whole(model).layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


@contextmanager
def synchronized(model: keras.Model, replicas: int) -> Iterator[None]:
    """Let batch normalisation that trains see the pictures of all replicas; no model keeps it.

    Args:
        model: The model, its layers set free.
        replicas: How many there are; one sees all pictures anyway.
    """
    changed = [each for each in _learning(model) if replicas > 1 and not each.synchronized]
    try:
        for layer in changed:
            layer.synchronized = True
            layer.__dict__["_moments"] = partial(_moments, layer.axis)
        yield
    finally:
        for layer in changed:
            layer.synchronized = False
            del layer.__dict__["_moments"]


def _moments(axis: int, x: tf.Tensor, mask: None) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance over all replicas, as exact as those of one.

    Keras takes the square of the mean from the mean of the squares, which leaves little of a
    variance that is small beside them.
    """
    others = [place for place in range(x.shape.rank) if place != axis % x.shape.rank]
    count = tf.cast(tf.size(x) // x.shape[axis], x.dtype)
    total, count = summed([tf.reduce_sum(x, others), count])
    mean = total / count
    # What the mean would hand on to the pictures adds up to nothing.
    shape = [1 if place in others else -1 for place in range(x.shape.rank)]
    apart = x - tf.stop_gradient(tf.reshape(mean, shape))
    (spread,) = summed([tf.reduce_sum(tf.square(apart), others)])
    return mean, spread / count
