"""Pictures of a batch mixed with one another, and their labels in the same shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo import transform as t
from zoo.engine.augment.leaf import Leaf


def mix(
    leaves: Sequence[Leaf],
    images: np.ndarray,
    labels: np.ndarray,
    params: np.ndarray,
    classes: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Mix each picture with the one before it in the batch, the first with the last.

    Args:
        leaves: MixUp and CutMix, in order.
        images: float32 [N,H,W,3]; changed in place.
        labels: Class indices [N], or shares of the classes [N,classes].
        params: Draws, float64 [N,P].
        classes: Number of classes.

    Returns:
        Images float32 [N,H,W,3], and shares of the classes, float32 [N,classes].
    """
    shares = labels if labels.ndim == 2 else np.eye(classes, dtype=np.float32)[labels]
    for leaf in leaves:
        others, other_shares = np.roll(images, 1, axis=0), np.roll(shares, 1, axis=0)
        own = np.ones(len(images))
        values = leaf.values(params)
        for row in np.flatnonzero(leaf.on(params)):
            if isinstance(leaf.transform, t.MixUp):
                own[row] = values[row, 0]
                weight = np.float32(own[row])
                images[row] = weight * images[row] + (1 - weight) * others[row]
            else:
                left, top, right, bottom = rectangle(values[row], images.shape[1:3])
                images[row, top:bottom, left:right] = others[row, top:bottom, left:right]
                covered = (right - left) * (bottom - top)
                own[row] = 1 - covered / (images.shape[1] * images.shape[2])
        weights = own.astype(np.float32)[:, None]
        shares = weights * shares + (1 - weights) * other_shares
    return images, shares


def rectangle(values: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part that is pasted: its centre anywhere, as published.

    Args:
        values: The share that stays, and the centre as shares of width and height.
        size: Height and width of the picture.
    """
    height, width = size
    side = np.sqrt(1 - values[0])
    wide, high = side * width, side * height
    x, y = np.floor(values[1] * width), np.floor(values[2] * height)
    edges = np.clip([x - wide // 2, y - high // 2, x + wide // 2, y + high // 2],
                    0, [width, height, width, height])  # fmt: skip
    left, top, right, bottom = edges.astype(int).tolist()
    return left, top, right, bottom
