"""Whether an exported model gives the logits of its original, asked of onnxruntime alone.

Logits are compared, never probabilities: at random weights the softmax makes any two models agree
to nine digits. The work runs in a process of its own, since onnxruntime keeps the memory it once
had; this module imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from zoo.engine.export import describe, session
from zoo.errors import ExportError, ParityFailure

BATCHES = (1, 3, 8)
"""Sizes of the batches that the pictures go through in: a dynamic batch is proven, not declared."""

TOLERANCE = describe.TOLERANCES["float32"]

RESIZED = 5e-2
"""The same where the graph resizes: a rounding of its own can move any value by a grey level."""

OUTPUTS = ("logits", "embedding", "cam")
"""Outputs that are compared; the probabilities follow from the logits."""

SLACK = {"embedding": 1.0, "cam": 10.0}
"""How much further another output may be off: a CAM is a difference of large terms."""

FLOOR = 1e-6
"""What counts as the largest logit at least, where all are zero."""


def compare(model: Path, golden: Path, tolerance: float = TOLERANCE) -> dict[str, Any]:
    """Compare a model with golden logits, in a process of its own.

    Args:
        model: An exported model.
        golden: A `golden.npz`.
        tolerance: As for `measure`.

    Returns:
        The figures of `measure`.

    Raises:
        ExportError: If onnxruntime cannot load or run the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "figures.json")
        child = subprocess.run(
            [sys.executable, "-m", __name__, str(model), str(golden), str(answer), str(tolerance)],
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode:
            reason = child.stderr.strip().rpartition("\n")[2] or f"exit code {child.returncode}"
            raise ExportError(reason.removeprefix("zoo.errors.ExportError: "))
        return json.loads(answer.read_text())


def measure(model: Path, golden: Path, tolerance: float = TOLERANCE) -> dict[str, Any]:
    """Compare a model with golden answers.

    Args:
        model: An exported model.
        golden: A `golden.npz`: `images` uint8 [12, H, W, 3], `logits` [12, classes], `names`, and
            what else the model gives. With `others`, pictures of another size, their logits are
            in `others_logits`.
        tolerance: Largest difference that is accepted, relative to the largest value.

    Returns:
        `largest_logit`, `tolerance` (in logits), `max_difference`, `p99_9`, `cosine` (the
        smallest of any picture), `top1_agreement` (share of pictures, ties apart), `batches`
        (largest difference by batch size), `pictures` (by name), `outputs` (largest difference of
        each other output, relative to its largest value; of a CAM where both chose one class)
        and, of pictures of another size, `others`.
    """
    with np.load(golden) as archive:
        arrays = dict(archive)
    options = session.options()
    # Prepacking copies every weight, which a dozen pictures do not pay back.
    options.add_session_config_entry("session.disable_prepacking", "1")
    asked = session.Session(model, options)
    names = [name for name in OUTPUTS if name in arrays]
    batches = np.split(arrays["images"], np.cumsum(BATCHES)[:-1])
    answers = [asked.answers(batch, names) for batch in batches]
    given = {name: np.concatenate([each[name] for each in answers]) for name in names}
    found = compared(given["logits"], arrays["logits"], arrays["names"], tolerance)
    # Between classes that tie either may be first, and each has a map of its own.
    same = given["logits"].argmax(axis=1) == arrays["logits"].argmax(axis=1)
    found["outputs"] = {
        name: relative(*(each[name][same if name == "cam" else ...] for each in (given, arrays)))
        for name in names
        if name != "logits"
    }
    if "others" in arrays:
        others = asked.answers(arrays["others"], ["logits"])["logits"]
        found["others"] = {
            "size": list(arrays["others"].shape[1:3]),
            "difference": relative(others, arrays["others_logits"]),
            "tolerance": max(float(arrays["others_tolerance"]), tolerance),
        }
    return {**found, "onnxruntime": onnxruntime.__version__}


def relative(given: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a share of the largest expected value; 0 of nothing."""
    largest = max(float(np.abs(expected).max(initial=0.0)), FLOOR)
    return float(np.abs(given - expected).max(initial=0.0) / largest)


def compared(
    given: np.ndarray, expected: np.ndarray, names: np.ndarray, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """How far the logits of golden pictures are apart, in all, by batch and by picture.

    Args:
        given: Logits [12, classes], asked for in batches of `BATCHES`.
        expected: What they should be.
        names: Of the pictures.
        tolerance: Largest difference that is accepted, relative to the largest value.
    """
    difference = np.abs(given - expected)
    by_batch = np.split(difference, np.cumsum(BATCHES)[:-1])
    return {
        **figures(given, expected, tolerance),
        "batches": {str(len(each)): float(each.max()) for each in by_batch},
        "pictures": dict(zip(names.tolist(), difference.max(axis=1).tolist(), strict=True)),
    }


def figures(
    given: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """How far two sets of logits are apart.

    Args:
        given: Logits [N, classes].
        expected: What they should be.
        tolerance: Largest difference that is accepted, relative to the largest value.
    """
    difference = np.abs(given.astype(np.float64) - expected)
    largest = float(np.abs(expected).max())
    tolerance *= max(largest, FLOOR)
    products = (given * expected).sum(axis=1, dtype=np.float64)
    norms = np.linalg.norm(given, axis=1) * np.linalg.norm(expected, axis=1)
    chosen = np.take_along_axis(expected, given.argmax(axis=1)[:, None], axis=1)[:, 0]
    # A class that the original puts within the tolerance of its first is as good as the first.
    agrees = expected.max(axis=1) - chosen <= 2 * tolerance
    return {
        "largest_logit": largest,
        "tolerance": tolerance,
        "max_difference": float(difference.max()),
        "p99_9": float(np.quantile(difference, 0.999)),
        "cosine": float(np.where(norms > 0, products / np.maximum(norms, 1e-30), 1.0).min()),
        "top1_agreement": float(agrees.mean()),
    }


def check(figures: dict[str, Any], hint: str | None = None, *, logits_alone: bool = False) -> None:
    """Raise if logits are further apart than the tolerance, or not numbers.

    Args:
        figures: What `measure` gave.
        hint: What to do then.
        logits_alone: Leave out the other outputs and sizes, as for 8 bits, which promise less.

    Raises:
        ParityFailure: With the figures that missed.
    """
    difference, tolerance = figures["max_difference"], figures["tolerance"]
    # Written so that NaN misses.
    if not difference <= tolerance:
        pictures = figures["pictures"]
        worst = max(pictures, key=lambda name: (math.isnan(pictures[name]), pictures[name]))
        raise ParityFailure(
            f"the exported model differs from its original: logits are off by {difference:.2g} "
            f"on {worst}, accepted is {tolerance:.2g}",
            hint,
        )
    if logits_alone:
        return
    for name, share in figures.get("outputs", {}).items():
        if not share <= tolerance / max(figures["largest_logit"], FLOOR) * SLACK[name]:
            raise ParityFailure(
                f"the exported model differs from its original: {name} is off by {share:.2g} of "
                "its largest value",
                hint,
            )
    others = figures.get("others")
    if others and not others["difference"] <= others["tolerance"]:
        size = "x".join(map(str, others["size"]))
        raise ParityFailure(
            f"the exported model differs from its original on pictures of {size}: logits are off "
            f"by {others['difference']:.2g} of the largest, accepted is {others['tolerance']:.2g}",
            hint,
        )


if __name__ == "__main__":
    _model, _golden, _answer = map(Path, sys.argv[1:4])
    _answer.write_text(json.dumps(measure(_model, _golden, float(sys.argv[4]))))
