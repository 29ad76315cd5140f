"""`zoo train` beside a hand-written loop: the same model, pictures, optimizer and validation.

Both keep the weights of the best epoch. Bound: an epoch of `zoo train` runs at 0.97 or better of
the loop's speed. The two take turns epoch by epoch in one process: an epoch by hand is trained
whenever zoo is about to begin one. Between two of those lies all that an epoch of zoo costs:
steps, validation, callbacks, history, checkpoint.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from record import record

from zoo.engine import load, runtime

BOUND = 0.97


@dataclass(frozen=True)
class Case:
    """What is trained.

    Args:
        spec: The model.
        size: Height and width of its input.
        pictures: In all, of which a tenth validates and a tenth is not read.
        batch: Pictures in a step.
        epochs: Of each of the two; the first is not counted, since everything is traced in it.
    """

    spec: str
    size: int
    pictures: int
    batch: int
    epochs: int


CASES = (
    Case("small-cnn+linear", 32, 2000, 32, 16),
    Case("small-cnn+linear", 128, 1000, 32, 9),
    Case("resnet50+linear", 96, 100, 16, 7),
)


def main() -> None:
    runtime.start("cpu")
    watch = load.Watch()
    rows, results = [], []
    for case in CASES:
        pairs = beside(case)
        # Epoch by epoch, so that what the machine does meanwhile falls on both.
        ratio = statistics.median(hand / ours for hand, ours in pairs)
        hand, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        results.append({"case": case, "ratio": ratio, "seconds": pairs})
        what = f"{case.spec}, {case.size}x{case.size}, batch {case.batch}"
        rows.append((what, f"{hand:.3f}", f"{ours:.3f}", f"{ratio:.3f}"))
        print(rows[-1], file=sys.stderr)
    note = (
        "Seconds of an epoch, with validation and the best weights kept: a loop over one compiled "
        "step, and `zoo train`. Pictures of `zoo data make shapes`, kept decoded, Adam; "
        f"{', '.join(f'{case.pictures:,}' for case in CASES)} pictures. Medians of "
        f"{', '.join(str(case.epochs - 1) for case in CASES)} epochs of each, in turns, in one "
        f"process; the ratio is the median of those of neighbours, the bound {BOUND}. Other "
        f"processes took {watch.foreign() or 0:.0%} of the machine."
    )
    header = ("what", "by hand s", "zoo train s", "ratio")
    record("training", "Training", header, rows, note, bound=BOUND, cases=results)
    if min(each["ratio"] for each in results) < BOUND:
        raise SystemExit(1)


def beside(case: Case) -> list[tuple[float, float]]:
    """Seconds of neighbouring epochs, by hand and of zoo."""
    import keras

    import zoo
    from zoo.engine import generate, phases

    with tempfile.TemporaryDirectory() as name:
        pictures = Path(name, "shapes")
        generate.shapes(pictures, count=case.pictures, size=case.size)
        by_hand = loop(case, pictures, Path(name, "hand.weights.h5"))
        seconds: dict[str, list[float]] = {"hand": [], "zoo": []}

        class Turns(keras.callbacks.Callback):
            """Trains an epoch by hand before each of zoo's."""

            def __init__(self) -> None:
                super().__init__()
                self.began = 0.0

            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                if epoch:
                    seconds["zoo"].append(time.perf_counter() - self.began)
                seconds["hand"].append(next(by_hand))
                self.began = time.perf_counter()

        turns = Turns()
        with (
            mock.patch.object(phases, "_plugin_callbacks", return_value=[turns]),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            zoo.train(
                case.spec, pictures, out=Path(name, "run"), recipe=recipe(case),
                input_size=case.size, quiet=True,
            )  # fmt: skip
    return list(zip(seconds["hand"], seconds["zoo"], strict=False))[1:]


def recipe(case: Case) -> Any:
    """Adam through one phase that nothing ends early."""
    from zoo.phase import Phase
    from zoo.recipe import Recipe

    leg = Phase(
        name="all", bn="train", epochs=case.epochs + 1, learning_rate=1e-3, batch_size=case.batch
    )
    return Recipe(name="all", summary="", phases=(leg,))


def loop(case: Case, pictures: Path, best: Path) -> Iterator[float]:
    """Train with nothing but Keras, TensorFlow and one compiled function; seconds of each epoch."""
    import keras
    import tensorflow as tf

    import zoo
    from zoo.engine import anatomy, data

    folder = data.read(pictures)
    model = zoo.build(case.spec, classes=folder.classes, input_size=case.size, seed=0)
    scorer = keras.Model(model.inputs, anatomy.logits_tensor(model))
    size = (case.size, case.size)
    train = data.batches(folder.split("train"), size, case.batch, shuffle=0, epochs=None)
    val = data.batches(folder.split("val"), size, case.batch, epochs=None)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(scorer.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    mean, accuracy = keras.metrics.Mean(), keras.metrics.SparseCategoricalAccuracy()

    @tf.function(reduce_retracing=True)
    def step(images: tf.Tensor, labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = scorer(images, training=True)
            loss = loss_of(labels, logits)
        variables = scorer.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        mean.update_state(loss)
        accuracy.update_state(labels, logits)

    @tf.function(reduce_retracing=True)
    def score(images: tf.Tensor, labels: tf.Tensor) -> None:
        logits = scorer(images, training=False)
        mean.update_state(loss_of(labels, logits))
        accuracy.update_state(labels, logits)

    steps = [-(-len(folder.split(split)) // case.batch) for split in ("train", "val")]
    batches, scored = iter(train), iter(val)
    lowest = math.inf
    while True:
        started = time.perf_counter()
        for function, source, count in ((step, batches, steps[0]), (score, scored, steps[1])):
            mean.reset_state()
            accuracy.reset_state()
            for _ in range(count):
                function(*next(source))
            loss = float(mean.result())
            float(accuracy.result())
        if loss < lowest:
            lowest = loss
            model.save_weights(best)
        yield time.perf_counter() - started


if __name__ == "__main__":
    main()
