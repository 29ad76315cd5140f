"""What a smaller model costs: the same held-out pictures answered by both."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.engine.export.session import Session
from zoo.engine.metrics import Z_95, wilson


def logits(model: Path, images: Iterable[np.ndarray]) -> np.ndarray:
    """Logits [N, classes] of pictures, uint8 [1, H, W, 3] each."""
    asked = Session(model)
    return np.concatenate([asked.answers(image, ["logits"])["logits"] for image in images])


def predicted(logits: np.ndarray) -> np.ndarray:
    """Class of each row, int [N]; one logit separates two classes at zero."""
    return (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(axis=1)


def compare(exact: np.ndarray, rough: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Accuracy of a smaller model beside the float32 one.

    Args:
        exact: Logits of the float32 model, [N, classes].
        rough: Logits of the smaller one.
        labels: True classes, int [N].

    Returns:
        `accuracy` with its Wilson `interval`, `drop` against the float32 model in percentage
        points with its `drop_interval`, `agreement` (share of equal predictions), and `noise`:
        mean squared difference of the logits relative to their mean square.
    """
    before, after = predicted(exact) == labels, predicted(rough) == labels
    count = len(labels)
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    return {
        "accuracy": float(after.mean()),
        "interval": list(wilson(int(after.sum()), count)),
        "drop": 100 * (lost - won) / count,
        "drop_interval": [100 * end for end in paired(lost, won, count)],
        "agreement": float((predicted(exact) == predicted(rough)).mean()),
        "noise": float(np.square(exact - rough).mean() / max(np.square(exact).mean(), 1e-30)),
    }


def paired(lost: int, won: int, count: int, z: float = Z_95) -> tuple[float, float]:
    """Interval of the difference of two shares that were counted on the same cases.

    Wald's interval after adding half a case to each of the four cells, which keeps it honest where
    few or no cases differ: Agresti and Min, Statistics in Medicine 24 (2005), 729-740.

    Args:
        lost: Cases that only the first got right.
        won: Cases that only the second got right.
        count: All cases.
        z: Half width in standard deviations; the default gives 95 %.
    """
    b, c, n = lost + 0.5, won + 0.5, count + 2
    difference = (b - c) / n
    half = z * math.sqrt(b + c - (b - c) ** 2 / n) / n
    return difference - half, difference + half
