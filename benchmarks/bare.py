"""Models of zoo beside the same models called bare through keras.applications.

Bound: inference at 0.98 or better of the bare model. The two have the same weights, their answers
are compared first, and they take turns in one process.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from record import record

from zoo.engine import load, runtime

SIZE, CLASSES, BATCH, ROUNDS = 160, 100, 4, 21
MODELS = {
    "vgg16": "VGG16",
    "inception-v3": "InceptionV3",
    "inception-resnet-v2": "InceptionResNetV2",
}
INFERENCE = 0.98
TOLERANCE = 1e-2
"""Of the range of the probabilities."""


def main() -> None:
    runtime.start("cpu")
    watch = load.Watch()
    rows, ratios = [], {}
    for name in sys.argv[1:] or MODELS:
        difference, seconds = beside(name)
        # Turn by turn, so that what the machine does meanwhile falls on both.
        ratio = statistics.median(bare / ours for bare, ours in zip(*seconds, strict=True))
        ratios[name] = {"ratio": ratio, "difference": difference, "seconds": seconds}
        bare, ours = (BATCH / statistics.median(column) for column in seconds)
        rows.append((name, f"{bare:.1f}", f"{ours:.1f}", f"{ratio:.3f}", f"{difference:.1e}"))
        print(rows[-1], file=sys.stderr)
    note = (
        f"{SIZE}x{SIZE}, batch {BATCH}, {CLASSES} classes after global average pooling, the same "
        f"random weights in both, {ROUNDS} steps of each, in turns, in one process. The bare model "
        "gets float32 pictures in -1..1, zoo's gets uint8 and normalises in its graph. The ratio "
        f"is the median of those of neighbours; the bound is {INFERENCE}. Answers differ by that "
        f"share of their range. Other processes took {watch.foreign() or 0:.0%} of the machine."
    )
    header = ("backbone", "bare images/s", "zoo images/s", "ratio", "difference")
    record("bare", "Beside keras.applications called bare", header, rows, note, models=ratios)
    if min(each["ratio"] for each in ratios.values()) < INFERENCE:
        raise SystemExit(1)


def beside(name: str) -> tuple[float, tuple[list[float], list[float]]]:
    """The share of their range by which answers differ, and seconds of steps: bare, and zoo's."""
    import keras

    import zoo
    from zoo.engine.bench import on_tensorflow, source

    constructor = getattr(keras.applications, MODELS[name])
    body = constructor(include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), pooling="avg")
    answers = keras.layers.Dense(CLASSES, activation="softmax")(body.output)
    bare = keras.Model(body.input, answers)
    ours = zoo.build(f"{name}+linear:pool=avg", classes=CLASSES, input_size=SIZE, seed=0)
    # Both are made layer by layer in the same order; were they not, the answers would tell.
    for variable, given in zip(ours.weights, bare.weights, strict=True):
        variable.assign(given)

    shape = (BATCH, SIZE, SIZE, 3)
    pictures = source.pictures(shape, "uint8")
    steps = []
    outputs = []
    for model, images in ((bare, (pictures / 127.5 - 1).astype("float32")), (ours, pictures)):
        program = on_tensorflow.inference(model, shape, str(images.dtype), False)
        steps.append(stepped(program, program.put(images)))
        outputs.append(program.answer(program.launch(program.put(images), None)))
    difference = float(np.abs(outputs[0] - outputs[1]).max() / np.ptp(outputs[0]))
    if difference > TOLERANCE:
        raise SystemExit(f"{name} answers otherwise than {MODELS[name]}, by {difference:.2g}")
    return difference, timed(steps)


def stepped(program: Any, pictures: Any) -> Callable[[], float]:
    return lambda: program.wait(program.launch(pictures, None))


def timed(steps: list[Callable[[], float]]) -> tuple[list[float], list[float]]:
    """Seconds of each step, the two taking turns, each first as often as second."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):
        for step in steps:
            step()
    for number in range(ROUNDS):
        for which in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            steps[which]()
            seconds[which].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
