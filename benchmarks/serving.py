"""Latency of exported models beside the compiled Keras function, one picture at a time.

    python benchmarks/serving.py

Four ways through the same model, asked in turns on the same picture: the compiled Keras function,
onnxruntime in float32, in 8 bits, and in 8 bits of 7-bit weights. Weights are random, so nothing
is said about accuracy.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from record import record

import zoo
from zoo.engine import timing
from zoo.engine.export import calibrate, quantize
from zoo.engine.export.convert import convert
from zoo.engine.export.session import Session

MODELS = (
    "vgg16bn+dense-bn",
    "vgg16+dense:layers=2:units=4096",
    "resnet50+linear",
    "inception-v3+linear",
)
ROUNDS = 5
SECONDS = 0.6


def main() -> None:
    rows, facts = [], {}
    for spec in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as name:
            figures, census = compare(spec, Path(name))
        facts[spec] = {"milliseconds": figures, "census": census}
        keras = figures["keras"]
        told = (f"{figures[way]:.1f} ({keras / figures[way]:.2f} x)" for way in WAYS[1:])
        rows.append((spec, f"{keras:.1f}", *told, ", ".join(f"{n} {op}" for op, n in census)))
    header = ("model", "Keras, ms", "ONNX float32", "int8", "int8, 7-bit weights", "runs in int8")
    note = (
        "One picture of the model's own size, median milliseconds, and in brackets how many times "
        f"faster than the compiled Keras function. The ways take turns, {ROUNDS} rounds of "
        f"{SECONDS:g} s each; all cores."
    )
    record("serving", "Serving", header, rows, note, models=facts)


WAYS = ("keras", "float32", "int8", "reduce_range")


def compare(spec: str, folder: Path) -> tuple[dict[str, float], list[tuple[str, int]]]:
    """Median milliseconds by way, and the operations that run in 8 bits."""
    model = zoo.build(spec, classes=1000, seed=0)
    size = model.input.shape[1:3]
    image = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    paths = {way: folder / f"{way}.onnx" for way in WAYS[1:]}
    convert(model, paths["float32"])
    ranges = calibrate.ranges(paths["float32"], iter([image]), "minmax")
    for way in WAYS[2:]:
        reduce = way == "reduce_range"
        quantize.write(paths["float32"], paths[way], ranges, reduce_range=reduce)

    signature = [tf.TensorSpec(image.shape, tf.uint8)]

    @tf.function(input_signature=signature, autograph=False)
    def forward(pictures: tf.Tensor) -> tf.Tensor:
        return model(tf.cast(pictures, tf.float32), training=False)

    fed = tf.constant(image)
    sessions = {way: Session(path) for way, path in paths.items()}
    steps = {"keras": lambda: forward(fed).numpy()}
    steps |= {way: each.step(each.feed(image)) for way, each in sessions.items()}
    taken: dict[str, list[float]] = {way: [] for way in steps}
    for step in steps.values():
        timing.warm_up(step, seconds=2 * SECONDS, at_least=3)
    for _ in range(ROUNDS):
        for way, step in steps.items():
            taken[way] += timing.repeat(step, seconds=SECONDS, at_least=3).durations
    census = quantize.census(paths["int8"])["int8"]
    return {way: 1000 * float(np.median(each)) for way, each in taken.items()}, list(census.items())


if __name__ == "__main__":
    main()
