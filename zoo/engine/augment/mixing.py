"""Pictures of a batch mixed with one another, and their labels in the same shares.

Each picture is mixed with the one before it in the batch, the first with the last. Of each
transform a row holds the picture's own share, then left, top, right and bottom of what is pasted
over it; a share of 1 and an empty rectangle leave it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo import transform as t
from zoo.engine.augment.leaf import Leaf

WIDTH = 5
"""Numbers of one transform."""


def prepare(leaves: Sequence[Leaf], params: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What each picture's draws mean: float64 [N, 5 for each transform].

    Args:
        leaves: MixUp and CutMix, in order.
        params: Draws, float64 [N,P].
        size: Height and width of the pictures.
    """
    rows = np.zeros((len(params), len(leaves), WIDTH))
    rows[..., 0] = 1
    for number, leaf in enumerate(leaves):
        on, values = leaf.on(params), leaf.values(params)
        if isinstance(leaf.transform, t.MixUp):
            rows[on, number, 0] = values[on, 0]
        else:
            edges = _rectangles(values[on], size)
            covered = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
            rows[on, number, 0] = 1 - covered / (size[0] * size[1])
            rows[on, number, 1:] = edges
    return rows.reshape(len(params), -1)


def images(leaves: Sequence[Leaf], seen: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mix pictures, float32 [N,H,W,3], in place."""
    for number, leaf in enumerate(leaves):
        numbers, others = _of(number, rows), np.roll(seen, 1, axis=0)
        for row in np.flatnonzero(numbers[:, 0] != 1):
            if isinstance(leaf.transform, t.MixUp):
                own = np.float32(numbers[row, 0])
                seen[row] = own * seen[row] + (1 - own) * others[row]
            else:
                left, top, right, bottom = numbers[row, 1:].astype(int)
                seen[row, top:bottom, left:right] = others[row, top:bottom, left:right]
    return seen


def labels(given: np.ndarray, rows: np.ndarray, classes: int) -> np.ndarray:
    """Mix labels, class indices [N] or shares [N,classes], into shares, float32 [N,classes]."""
    shares = given if given.ndim == 2 else np.eye(classes, dtype=np.float32)[given]
    for number in range(rows.shape[1] // WIDTH):
        own = _of(number, rows)[:, :1].astype(np.float32)
        shares = own * shares + (1 - own) * np.roll(shares, 1, axis=0)
    return shares


def _of(number: int, rows: np.ndarray) -> np.ndarray:
    return rows[:, number * WIDTH : (number + 1) * WIDTH]


def _rectangles(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Left, top, right and bottom of what is pasted: the centre anywhere, as published.

    Args:
        values: The share that stays, and the centre as shares of width and height, [N,3].
        size: Height and width of the pictures.
    """
    height, width = size
    side = np.sqrt(1 - values[:, 0])
    wide, high = side * width, side * height
    x, y = np.floor(values[:, 1] * width), np.floor(values[:, 2] * height)
    edges = [x - wide // 2, y - high // 2, x + wide // 2, y + high // 2]
    return np.clip(np.stack(edges, axis=1), 0, [width, height, width, height])
