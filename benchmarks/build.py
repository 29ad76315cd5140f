"""What assembly by name costs: `zoo.build` of the flagship beside the same layers by hand.

Bound: at most 1.5 times the time by hand, in one process, the two taking turns.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

from record import record

from zoo.engine import runtime

SPEC = "vgg16bn+dense-bn"
CLASSES = 1000
REPEATS = 9
BOUND = 1.5
DEPTHS, FILTERS = (2, 2, 3, 3, 3), (64, 128, 256, 512, 512)


def main() -> None:
    runtime.start("cpu")
    import zoo

    ways: dict[str, Callable[[], object]] = {
        "by hand": by_hand,
        "by name": lambda: zoo.build(SPEC, classes=CLASSES),
    }
    parameters = {name: build().count_params() for name, build in ways.items()}
    assert len(set(parameters.values())) == 1, parameters
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, build in ways.items():
            gc.collect()  # the half a gigabyte of the model before
            start = time.perf_counter()
            model = build()
            seconds[name].append(time.perf_counter() - start)
            del model
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ratio = medians["by name"] / medians["by hand"]
    rows = [
        (name, f"{medians[name]:.2f}", f"{min(times):.2f}", f"{max(times):.2f}")
        for name, times in seconds.items()
    ]
    note = (
        f"{SPEC}, {CLASSES} classes, 224x224, {parameters['by hand']:,} parameters. By name takes "
        f"{ratio:.2f} times as long as the same layers by hand; the bound is {BOUND}. "
        f"{REPEATS} builds of each, taking turns in one process, after one that is not counted."
    )
    header = ("way", "median s", "min s", "max s")
    record("build", "Build", header, rows, note, ratio=ratio, bound=BOUND, seconds=seconds)
    if ratio > BOUND:
        raise SystemExit(1)


def by_hand() -> object:
    """The flagship as one would write it without zoo."""
    import keras
    from keras import layers

    image = keras.Input((224, 224, 3))
    x = layers.Rescaling(1 / 127.5, -1)(image)
    for depth, filters in zip(DEPTHS, FILTERS, strict=True):
        for _ in range(depth):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.BatchNormalization(epsilon=1e-5, momentum=0.9)(x)
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, activation="relu")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Dropout(0.5)(x)
    x = layers.Dense(CLASSES)(x)
    return keras.Model(image, layers.Softmax()(x))


if __name__ == "__main__":
    main()
