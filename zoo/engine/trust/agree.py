"""How alike maps are: rank correlation of raw values, which no scale or colour can flatter."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from zoo.engine.heatmap import enlarge


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of one size.

    Args:
        one: A map, [h,w].
        other: Another.

    Returns:
        -1 to 1. With a map that is the same everywhere, 1 if the other is so too, else 0.
    """
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float(np.ptp(one) == np.ptp(other))
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def agreement(maps: dict[str, np.ndarray], size: tuple[int, int]) -> dict[str, dict[str, float]]:
    """How alike the maps of several interpreters are, on average over the pictures.

    Args:
        maps: Name to maps of the same pictures and classes, [N,h,w] of any size.
        size: Height and width at which they are compared.

    Returns:
        Name to name to mean rank correlation.
    """
    large = {name: [rankdata(enlarge(own, size)) for own in heats] for name, heats in maps.items()}
    return {
        one: {
            other: float(np.mean([likeness(*pair) for pair in zip(a, b, strict=True)]))
            for other, b in large.items()
        }
        for one, a in large.items()
    }
