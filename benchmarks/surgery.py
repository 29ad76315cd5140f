"""What the moments pass of `zoo surgery insert-bn` costs beside plain inference, and its memory.

    python benchmarks/surgery.py

Bounds: 1.1 times inference on the same batches, VGG16 with all fifteen insertions; memory that
does not grow with the number of pictures.
"""

from __future__ import annotations

import resource
import statistics
import time

import numpy as np
from record import record

from zoo.engine import runtime

SPEC = "vgg16+dense:units=4096:layers=2"
BATCH = 4
REPEATS = 9
BOUND = 1.1
FEW, MANY = 100, 100_000


def main() -> None:
    runtime.start("cpu")
    import keras
    import tensorflow as tf

    import zoo
    from zoo.engine.surgery import moments

    model = zoo.build(SPEC, classes=1000, seed=0)
    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    points = [
        layer.name
        for layer in model.layers
        # What follows a layer is where its outputs are measured.
        if isinstance(layer, kinds) and layer.name != "logits"
    ]
    readers = [_reader(model, name) for name in points]
    batch = np.random.default_rng(0).integers(0, 256, (BATCH, 224, 224, 3)).astype("float32")
    infer = tf.function(lambda images: model(images, training=False))
    measure = moments.sums(model, readers)
    centres = [tf.zeros(model.get_layer(n).input.shape[-1], tf.float64) for n in readers]
    images = tf.constant(batch)
    infer(images), measure(images, centres)
    plain, pass_ = [], []
    for _ in range(REPEATS):
        plain.append(_seconds(lambda: infer(images).numpy()))
        pass_.append(
            _seconds(lambda: [each.numpy() for pair in measure(images, centres) for each in pair])
        )
    ratio = statistics.median(pass_) / statistics.median(plain)
    grown = _memory()
    rows = [
        ("inference", f"{statistics.median(plain) / BATCH * 1000:.0f} ms", "1.00"),
        (
            "inference with moments",
            f"{statistics.median(pass_) / BATCH * 1000:.0f} ms",
            f"{ratio:.2f}",
        ),
    ]
    note = (
        f"{SPEC} at 224x224, {len(points)} places measured, batches of {BATCH}, medians of "
        f"{REPEATS} taking turns; the bound is {BOUND}. From {FEW:,} to {MANY:,} pictures of a "
        f"small network the peak memory of the pass grows by {grown / 2**20:.1f} MiB."
    )
    record(
        "surgery",
        "Surgery",
        ("pass", "a picture", "ratio"),
        rows,
        note,
        ratio=ratio,
        bound=BOUND,
        grown=grown,
    )
    if ratio > BOUND:
        raise SystemExit(1)


def _reader(model, name: str) -> str:
    """A layer that takes what another gives."""
    output = model.get_layer(name).output
    return next(each.name for each in model.layers if getattr(each, "input", None) is output)


def _memory() -> int:
    """Bytes that the peak grows by between a hundred pictures and a hundred thousand."""
    import zoo
    from zoo.engine.surgery import moments

    model = zoo.build("small-cnn:width=0.25+dense:units=16", classes=10, input_size=32, seed=0)
    batch = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3)).astype("uint8")
    readers = [_reader(model, "head_dense1")]
    moments.stream(model, readers, (batch for _ in range(FEW // len(batch) + 5)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    moments.stream(model, readers, (batch for _ in range(MANY // len(batch))))
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def _seconds(call) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
