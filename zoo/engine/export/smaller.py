"""The smaller forms of an exported model, each measured before it is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.engine import timing
from zoo.engine.export import accuracy, bundle, calibrate, describe, half, parity, quantize
from zoo.engine.export.session import Session
from zoo.errors import ParityFailure

FP16 = "model.fp16.onnx"
INT8 = "model.int8.onnx"
REDUCED = "model.int8.reduce_range.onnx"

MAX_DROP = 0.5
"""Percentage points of accuracy that 8 bits may cost."""

SECONDS = 1.0
"""How long each model's latency is measured."""


def fp16(folder: Path) -> dict[str, Any]:
    """Write the 16-bit model beside the float32 one and hold it to the same pictures.

    Args:
        folder: An export's folder.

    Returns:
        `file`, `bytes`, `sha256` and the figures of `parity.measure`.

    Raises:
        ParityFailure: It differs by more than `describe.TOLERANCES` allow.
    """
    path = folder / FP16
    half.write(folder / bundle.MODEL, path)
    figures = parity.compare(path, folder / bundle.GOLDEN, describe.TOLERANCES["fp16"])
    try:
        parity.check(figures, "export without fp16")
    except ParityFailure as failure:
        raise ParityFailure(f"fp16: {failure.message}", failure.hint) from None
    return {**_file(path), **figures}


def int8(
    folder: Path,
    pictures: calibrate.Pictures,
    max_drop: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write the 8-bit models beside the float32 one, within a budget of accuracy.

    Args:
        folder: An export's folder.
        pictures: For calibration and for measuring.
        max_drop: Percentage points of accuracy that may be lost on the held-out pictures.
        say: Called with a sentence before each step.

    Returns:
        `data`; `methods`, what each calibration method costs; the `method` taken; `floating`, the
        nodes left in float32 to keep the budget; `float32`, `int8` and `reduce_range`, each with
        file, accuracy and latency; `census`, which operations run in 8 bits.

    Raises:
        ParityFailure: The budget cannot be kept.
    """
    source = folder / bundle.MODEL
    labels = np.array([sample.label for sample in pictures.held_out])

    def measured(path: Path) -> dict[str, Any]:
        given = accuracy.logits(path, pictures.read(pictures.held_out))
        return accuracy.compare(exact, given, labels)

    say(f"asking the float32 model about {len(labels)} held-out pictures")
    exact = accuracy.logits(source, pictures.read(pictures.held_out))
    path, ranges, methods = folder / INT8, {}, {}
    for name in calibrate.METHODS:
        say(f"calibrating with {len(pictures.calibration)} pictures: {name}")
        ranges[name] = calibrate.ranges(source, pictures.read(pictures.calibration), name)
        quantize.write(source, path, ranges[name])
        methods[name] = measured(path)
    method = min(methods, key=lambda name: (methods[name]["noise"], name))
    quantize.write(source, path, ranges[method])
    floating, figures = [], methods[method]
    if figures["drop"] > max_drop:
        say(f"8 bits cost {figures['drop']:.1f} points; looking for layers to leave in float32")
        some = list(pictures.read(pictures.calibration[: calibrate.CHUNK]))
        ranked = quantize.sensitivity(source, path, some)
        floating, figures = _spared(source, path, ranges[method], ranked, measured, max_drop)
    quantize.write(source, folder / REDUCED, ranges[method], floating=floating, reduce_range=True)
    say("timing")
    timed = _latencies([source, path, folder / REDUCED], next(pictures.read(pictures.held_out)))
    return {
        "data": pictures.document,
        "methods": methods,
        "method": method,
        "floating": floating,
        "max_drop": max_drop,
        "float32": {
            **_file(source),
            **accuracy.compare(exact, exact, labels),
            "milliseconds": timed[0],
        },
        "int8": {
            **_file(path),
            **figures,
            "golden_difference": _golden_difference(folder, path),
            "milliseconds": timed[1],
        },
        "reduce_range": {
            **_file(folder / REDUCED),
            **measured(folder / REDUCED),
            "golden_difference": _golden_difference(folder, folder / REDUCED),
            "milliseconds": timed[2],
        },
        "census": quantize.census(path),
    }


def _golden_difference(folder: Path, path: Path) -> float:
    """How far the logits of the golden pictures are off, relative to the largest."""
    with np.load(folder / bundle.GOLDEN) as golden:
        images, expected = golden["images"], golden["logits"]
    return parity.relative(Session(path).answers(images, ["logits"])["logits"], expected)


def _spared(
    source: Path,
    path: Path,
    ranges: Any,
    ranked: list[str],
    measured: Callable[[Path], dict[str, Any]],
    max_drop: float,
) -> tuple[list[str], dict[str, Any]]:
    """Leave the worst 1, 2, 4 ... nodes in float32 until the budget is kept, at most half of them.

    With more it would be no smaller and no faster than the float32 model.
    """
    most = len(ranked) // 2
    counts = sorted({min(2**power, most) for power in range(most.bit_length() + 1)})
    figures: dict[str, Any] = {"drop": float("inf"), "drop_interval": [0.0, float("inf")]}
    for count in counts:
        floating = sorted(ranked[:count])
        quantize.write(source, path, ranges, floating=floating)
        figures = measured(path)
        if figures["drop"] <= max_drop:
            return floating, figures
    low, high = figures["drop_interval"]
    raise ParityFailure(
        f"int8 costs {figures['drop']:.1f} points of accuracy ({low:.1f} to {high:.1f}) with half "
        f"of its layers in float32; accepted are {max_drop:g}",
        "raise --max-drop, or give more pictures: with few, one more or less decides",
    )


def _latencies(paths: list[Path], image: np.ndarray) -> list[float]:
    """Median milliseconds of one picture for each model, asked in turns."""
    sessions = [Session(path) for path in paths]
    steps = [lambda each=each: each.answers(image, ["probabilities"]) for each in sessions]
    seconds: list[list[float]] = [[] for _ in steps]
    for step in steps:
        timing.warm_up(step, seconds=SECONDS / 2, at_least=3)
    for _ in range(5):
        for step, taken in zip(steps, seconds, strict=True):
            taken += timing.repeat(step, seconds=SECONDS / 5, at_least=2).durations
    return [1000 * float(np.median(each)) for each in seconds]


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": bundle.sha256(path)}
