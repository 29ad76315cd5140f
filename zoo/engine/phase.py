"""One phase of a recipe: what may change is set free, the rest is held, then Keras fits."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import ops

from zoo.engine import anatomy, data
from zoo.errors import DeviceError, Failure, RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.engine.folder import Sample
    from zoo.recipe import Phase

COLUMNS = (
    "phase", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
)  # fmt: skip
"""The columns of history.csv."""


def free(model: keras.Model, phase: Phase) -> list[str]:
    """Set the layers free that a phase trains, and hold all others.

    Batch normalisation of the backbone is held by itself unless the phase says bn = "train":
    calling a model with training=False does not keep its moving statistics while `fit` runs, and
    `model.trainable = True` would set it free again, so each layer gets its own flag.

    Args:
        model: A model whose stages `anatomy` knows.
        phase: The phase.

    Returns:
        Names of the groups that were set free, in order, "head" last.

    Raises:
        RecipeError: If the phase asks for more stages than the model has.
    """
    groups = anatomy.stages(model)
    stages = [name for name in groups if name != anatomy.HEAD]
    count = len(stages) if phase.stages is None else phase.stages
    if count > len(stages):
        raise RecipeError(
            f"phase {phase.name} trains the last {count} stages; the model has {len(stages)}: "
            + ", ".join(stages),
            hint=f"write train = 'last:{len(stages)}' or 'all'",
        )
    chosen = [*stages[len(stages) - count :], anatomy.HEAD]
    for name, layers in groups.items():
        for layer in layers:
            held = name != anatomy.HEAD and phase.bn == "frozen" and _is_batch_norm(layer)
            layer.trainable = name in chosen and not held
    return chosen


def fit(
    model: keras.Model,
    phase: Phase,
    train: Sequence[Sample],
    val: Sequence[Sample],
    *,
    policy: data.Augment | None,
    seed: int,
    first_epoch: int,
    checkpoint: Path,
    history: Path,
    callbacks: Sequence[keras.callbacks.Callback],
    unreadable: tuple[data.Unreadable, data.Unreadable],
) -> int:
    """Train a model through one phase, whose best weights it has afterwards.

    Args:
        model: The model, its layers set free by `free`.
        phase: The phase.
        train: Training pictures.
        val: Validation pictures, never augmented, whose loss decides what is best.
        policy: A compiled augmentation, or None.
        seed: Of the order and the augmentation.
        first_epoch: Epochs that earlier phases took.
        checkpoint: File for the best weights, ending in .weights.h5.
        history: The CSV file that gets a row per epoch.
        callbacks: Further callbacks.
        unreadable: Collectors for training and validation pictures that do not decode.

    Returns:
        How many epochs it took.

    Raises:
        Failure: If the loss is no longer a number; names the batch.
        DeviceError: If the device's memory does not suffice.
        RecipeError: If the optimizer does not take its options.
    """
    height, width = model.input.shape[1:3]
    size, batch = (height, width), phase.batch_size
    preprocessing = anatomy.of(model).preprocessing
    shuffled = data.batches(
        train, size, batch, shuffle=seed, epoch=first_epoch, epochs=None, policy=policy,
        unreadable=unreadable[0], preprocessing=preprocessing,
    )  # fmt: skip
    # Endless datasets with counted steps keep their iterators: Keras starts a new one at the end
    # of an epoch otherwise, which decodes a few batches for nobody.
    clean = data.batches(
        val, size, batch, epochs=None, unreadable=unreadable[1], preprocessing=preprocessing
    )

    # The loss is taken on the logits, where it stays exact however sure the model is.
    scorer = keras.Model(model.inputs, anatomy.training_logits(model))
    whole = anatomy.whole(model)
    scorer.compile(
        optimizer=_optimizer(model, phase),
        loss=_cross_entropy(phase.label_smoothing, phase.auxiliary),
        metrics=[keras.metrics.MeanMetricWrapper(_accuracy, name="accuracy")],
        # Compiling the graph takes longer than the few hundred steps of a small folder.
        jit_compile=False,
    )
    # Left to the first step, the optimizer's variables cost a second trace of the whole step.
    scorer.optimizer.build(scorer.trainable_variables)
    taken = Epochs(phase, history)
    guards = [
        FiniteLoss(phase, [sample.id for sample in train], seed),
        BestWeights(whole, checkpoint),
        taken,
    ]
    if phase.patience is not None:
        patience = keras.callbacks.EarlyStopping("val_loss", patience=phase.patience, mode="min")
        guards.append(patience)
    try:
        scorer.fit(
            shuffled,
            validation_data=clean,
            initial_epoch=first_epoch,
            epochs=first_epoch + phase.epochs,
            steps_per_epoch=math.ceil(len(train) / batch),
            validation_steps=math.ceil(len(val) / batch),
            callbacks=[*guards, *callbacks],
            shuffle=False,  # the dataset is shuffled already
            verbose=0,
        )
    except (tf.errors.ResourceExhaustedError, MemoryError):
        raise DeviceError(
            f"out of memory in phase {phase.name} with batches of {batch} pictures of "
            f"{height}x{width}",
            hint=f"--batch-size {max(1, batch // 2)}, a smaller --input-size, or a lighter head: "
            "one that pools (pool=avg) or has fewer units",
        ) from None
    whole.load_weights(checkpoint)
    return taken.count


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest validation loss in a file.

    Keras's own restoring holds a second copy of all weights in memory, and loses it when the
    process ends.
    """

    def __init__(self, model: keras.Model, path: Path) -> None:
        super().__init__()
        self._whole = model
        self._path = path
        self._beside = path.with_name(f".{path.name}")
        self.best = math.inf

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save the weights if they are the best so far."""
        loss = float((logs or {})["val_loss"])
        if loss < self.best or not self._path.exists():
            self.best = loss
            try:
                self._whole.save_weights(self._beside)
                self._beside.replace(self._path)
            finally:
                self._beside.unlink(missing_ok=True)


class Epochs(keras.callbacks.Callback):
    """Counts the epochs of a phase and writes each to history.csv as it ends."""

    def __init__(self, phase: Phase, path: Path) -> None:
        super().__init__()
        self.count = 0
        self._phase = phase
        self._path = path
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the time."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the row."""
        self.count += 1
        row = {
            "phase": self._phase.name,
            "epoch": epoch + 1,
            **{name: f"{float(value):.6g}" for name, value in (logs or {}).items()},
            "learning_rate": self._phase.learning_rate,
            "seconds": f"{time.perf_counter() - self._started:.3f}",
        }
        new = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow(row)


class FiniteLoss(keras.callbacks.Callback):
    """Ends the training at the first batch whose loss is no number, and names it."""

    def __init__(self, phase: Phase, ids: Sequence[str], seed: int) -> None:
        super().__init__()
        self._phase = phase
        self._ids = ids
        self._seed = seed
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note which order the pictures come in."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the loss."""
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            return
        size = self._phase.batch_size
        places = data.order(len(self._ids), self._seed, self._epoch)[batch * size :][:size]
        named = ", ".join(self._ids[place] for place in places[:3])
        raise Failure(
            f"the loss became {loss} in phase {self._phase.name}, epoch {self._epoch + 1}, "
            f"batch {batch + 1} ({named} ...)",
            hint=f"lower the learning rate, now {self._phase.learning_rate:g}: "
            f"--set {self._phase.name}.learning_rate={self._phase.learning_rate / 10:g}",
        )


def _optimizer(model: keras.Model, phase: Phase) -> keras.optimizers.Optimizer:
    classes = {name.lower(): getattr(keras.optimizers, name) for name in dir(keras.optimizers)}
    try:
        optimizer = classes[phase.optimizer](learning_rate=phase.learning_rate, **phase.options)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise RecipeError(
            f"phase {phase.name}: {phase.optimizer} does not take its options: {reason}"
        ) from None
    # Gradients of half precision vanish unless the loss is scaled up. Keras does so by itself
    # only where the model that is compiled has the policy, not where its layers have.
    half = any(layer.dtype_policy.name == "mixed_float16" for layer in model.layers)
    return keras.optimizers.LossScaleOptimizer(optimizer) if half else optimizer


def _cross_entropy(smoothing: float, auxiliary: float) -> Callable[[Any, Any], Any]:
    """Cross-entropy of integer labels and logits, with a share of each label spread evenly.

    Of stacked logits [N, 1 + classifiers, classes] the first count fully, the others so much.
    """

    def cross_entropy(labels: Any, logits: Any) -> Any:
        wanted = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), logits.shape[-1])
        stacked = len(logits.shape) == 3
        loss = keras.losses.categorical_crossentropy(
            ops.broadcast_to(wanted[:, None], ops.shape(logits)) if stacked else wanted,
            logits,
            from_logits=True,
            label_smoothing=smoothing,
        )
        return loss[:, 0] + auxiliary * ops.sum(loss[:, 1:], axis=1) if stacked else loss

    return cross_entropy


def _accuracy(labels: Any, logits: Any) -> Any:
    """1 where the largest of the model's own logits is the label's, 0 elsewhere."""
    own = logits[:, 0] if len(logits.shape) == 3 else logits
    return keras.metrics.sparse_categorical_accuracy(labels, own)


def _is_batch_norm(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
