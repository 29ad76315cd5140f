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

from zoo.errors import ExportError, ParityFailure

BATCHES = (1, 3, 8)
"""Sizes of the batches that the pictures go through in: a dynamic batch is proven, not declared."""

TOLERANCE = 1e-4
"""Largest difference of a logit, relative to the largest logit."""

FLOOR = 1e-6
"""What counts as the largest logit at least, where all are zero."""


def compare(model: Path, golden: Path) -> dict[str, Any]:
    """Compare a model with golden logits, in a process of its own.

    Args:
        model: An exported model.
        golden: A `golden.npz`.

    Returns:
        The figures of `measure`.

    Raises:
        ExportError: If onnxruntime cannot load or run the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "figures.json")
        child = subprocess.run(
            [sys.executable, "-m", __name__, str(model), str(golden), str(answer)],
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode:
            reason = child.stderr.strip().rpartition("\n")[2] or f"exit code {child.returncode}"
            raise ExportError(f"onnxruntime cannot run {model.name}: {reason}")
        return json.loads(answer.read_text())


def measure(model: Path, golden: Path) -> dict[str, Any]:
    """Compare a model with golden logits.

    Args:
        model: An exported model.
        golden: A `golden.npz`: `images` uint8 [12, H, W, 3], `logits` [12, classes], `names`.

    Returns:
        `largest_logit`, `tolerance` (in logits), `max_difference`, `p99_9`, `cosine` (the
        smallest of any picture), `top1_agreement` (share of pictures, ties apart), `batches`
        (largest difference by batch size) and `pictures` (by name).
    """
    with np.load(golden) as archive:
        images, expected, names = (archive[name] for name in ("images", "logits", "names"))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Prepacking copies every weight, which a dozen pictures do not pay back.
    options.add_session_config_entry("session.disable_prepacking", "1")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    if source.type == "tensor(float)":
        images = images.astype(np.float32)

    batches = np.split(images, np.cumsum(BATCHES)[:-1])
    given = np.concatenate([session.run(["logits"], {"image": batch})[0] for batch in batches])
    return {**compared(given, expected, names), "onnxruntime": onnxruntime.__version__}


def compared(given: np.ndarray, expected: np.ndarray, names: np.ndarray) -> dict[str, Any]:
    """How far the logits of golden pictures are apart, in all, by batch and by picture.

    Args:
        given: Logits [12, classes], asked for in batches of `BATCHES`.
        expected: What they should be.
        names: Of the pictures.
    """
    difference = np.abs(given - expected)
    by_batch = np.split(difference, np.cumsum(BATCHES)[:-1])
    return {
        **figures(given, expected),
        "batches": {str(len(each)): float(each.max()) for each in by_batch},
        "pictures": dict(zip(names.tolist(), difference.max(axis=1).tolist(), strict=True)),
    }


def figures(given: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """How far two sets of logits are apart.

    Args:
        given: Logits [N, classes].
        expected: What they should be.
    """
    difference = np.abs(given.astype(np.float64) - expected)
    largest = float(np.abs(expected).max())
    tolerance = TOLERANCE * max(largest, FLOOR)
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


def check(figures: dict[str, Any], hint: str | None = None) -> None:
    """Raise if logits are further apart than the tolerance, or not numbers.

    Args:
        figures: What `measure` gave.
        hint: What to do then.

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


if __name__ == "__main__":
    _model, _golden, _answer = map(Path, sys.argv[1:])
    _answer.write_text(json.dumps(measure(_model, _golden)))
