"""`zoo train` beside a hand-written loop: the same model, pictures, optimizer and validation.

Both keep the weights of the best epoch in a file. Bound: an epoch of `zoo train` runs at 0.97 or
better of the loop's speed; the two take turns in one process, and first epochs, in which everything
is traced, are left out of both.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics
import tempfile
import time
from pathlib import Path

from record import record

from zoo.engine import load, runtime

SPEC, SIZE, COUNT, BATCH, EPOCHS, TURNS = "small-cnn+linear", 128, 400, 32, 4, 2
BOUND = 0.97


def main() -> None:
    runtime.start("cpu")
    watch = load.Watch()
    from zoo.engine import generate

    seconds: dict[str, list[float]] = {"zoo train": [], "by hand": []}
    with tempfile.TemporaryDirectory() as name:
        pictures = Path(name, "shapes")
        generate.shapes(pictures, count=COUNT, size=SIZE)
        for turn in range(TURNS):
            best = Path(name, f"hand{turn}.weights.h5")
            seconds["by hand"].append(statistics.median(by_hand(pictures, best)))
            seconds["zoo train"].append(
                statistics.median(by_zoo(pictures, Path(name, f"run{turn}")))
            )
    ratio = statistics.median(
        hand / ours for hand, ours in zip(seconds["by hand"], seconds["zoo train"], strict=True)
    )
    rows = [
        (way, f"{statistics.median(times):.3f}", f"{min(times):.3f}", f"{max(times):.3f}")
        for way, times in seconds.items()
    ]
    note = (
        f"{SPEC}, {SIZE}x{SIZE}, {COUNT} pictures of `zoo data make shapes`, kept decoded, batch "
        f"{BATCH}, Adam, validation and the best weights kept after each epoch. Medians of epochs "
        f"2 to {EPOCHS}, {TURNS} trainings of each, in turns. `zoo train` runs at {ratio:.3f} of "
        f"the loop's speed; the bound is {BOUND}. Other processes took {watch.foreign() or 0:.0%} "
        "of the machine."
    )
    header = ("way", "median s an epoch", "min", "max")
    record("training", "Training", header, rows, note, ratio=ratio, bound=BOUND, seconds=seconds)
    if ratio < BOUND:
        raise SystemExit(1)


def by_zoo(pictures: Path, out: Path) -> list[float]:
    """Seconds of each epoch but the first, as the history tells them."""
    import zoo

    with contextlib.redirect_stderr(io.StringIO()):
        run = zoo.train(
            SPEC, pictures, out=out, recipe="scratch", epochs=EPOCHS, batch_size=BATCH,
            input_size=SIZE, quiet=True,
        )  # fmt: skip
    return [float(row["seconds"]) for row in run.history()][1:]


def by_hand(pictures: Path, best: Path) -> list[float]:
    """The same with nothing but Keras, TensorFlow and one compiled function."""
    import keras
    import tensorflow as tf

    import zoo
    from zoo.engine import anatomy, data

    folder = data.read(pictures)
    model = zoo.build(SPEC, classes=folder.classes, input_size=SIZE, seed=0)
    scorer = keras.Model(model.inputs, anatomy.logits_tensor(model))
    train = data.batches(folder.split("train"), (SIZE, SIZE), BATCH, shuffle=0, epochs=None)
    val = data.batches(folder.split("val"), (SIZE, SIZE), BATCH, epochs=None)
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

    steps = [-(-len(folder.split(split)) // BATCH) for split in ("train", "val")]
    batches, scored = iter(train), iter(val)
    seconds, lowest = [], math.inf
    for _ in range(EPOCHS):
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
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


if __name__ == "__main__":
    main()
