"""The same augmentation said plainly in numpy, one picture at a time and in double precision.

Slow on purpose: it multiplies centring matrices instead of folding them and shares no line with
the compiled plan, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.transform import Fill, Flip, Rotate, Shear, Shift, Transform, Zoom


def apply(
    transforms: Sequence[Transform],
    images: np.ndarray,
    *,
    seed: int,
    epoch: int,
    indices: Sequence[int],
) -> np.ndarray:
    """Augment pictures as `Plan.apply` does; float64 [N,H,W,C]."""
    fill = next((each for each in transforms if isinstance(each, Fill)), Fill())
    height, width = images.shape[1:3]
    seen = []
    for image, index in zip(images, indices, strict=True):
        slot = 0
        total = np.eye(3)
        for transform in transforms:
            if isinstance(transform, Fill):
                continue
            needed = 2 if isinstance(transform, (Shift, Zoom)) else 1
            shares = [share(seed, epoch, index, slot + each) for each in range(needed)]
            slot += needed
            total = total @ matrix(transform, shares, height, width)
        seen.append(resample(image, total, fill))
    return np.stack(seen)


def word(seed: int, epoch: int, index: int, slot: int) -> int:
    """The 32 random bits of one picture's slot."""
    state = 0
    for part in (seed, epoch, int(index), _mixed(slot + 1)):
        state = _mixed((state ^ part) + 0x9E3779B9)
    return state


def share(seed: int, epoch: int, index: int, slot: int) -> float:
    """A number in [0, 1) from the upper 24 bits of the slot's word."""
    return (word(seed, epoch, index, slot) >> 8) / 2**24


def matrix(transform: Transform, shares: Sequence[float], height: int, width: int) -> np.ndarray:
    """The output-to-input matrix of one transform for the given shares of its ranges."""
    centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    match transform:
        case Rotate(degrees):
            angle = np.radians(_in_range(-degrees, degrees, shares[0]))
            map_ = np.array(
                [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
            )
        case Shear(degrees):
            angle = np.radians(_in_range(-degrees, degrees, shares[0]))
            map_ = np.array([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])
        case Zoom(low, high):
            map_ = np.diag([_in_range(low, high, shares[0]), _in_range(low, high, shares[1]), 1])
        case Shift(horizontal, vertical):
            right = _in_range(-horizontal, horizontal, shares[0]) * width
            down = _in_range(-vertical, vertical, shares[1]) * height
            map_ = np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1]])
        case Flip(axis, probability):
            sign = -1 if shares[0] < probability else 1
            map_ = np.diag([sign, 1, 1] if axis == "horizontal" else [1, sign, 1])
    return centre @ map_ @ np.linalg.inv(centre)


def resample(image: np.ndarray, matrix: np.ndarray, fill: Fill) -> np.ndarray:
    """Bilinear values of one picture at `matrix @ (x, y, 1)` for every output pixel (x, y)."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = (row[0] * x + row[1] * y + row[2] for row in matrix[:2])
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    if fill.mode == "wrap":
        x, y = _wrapped(x, width), _wrapped(y, height)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    seen = np.zeros(image.shape, np.float64)
    for row, in_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, in_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            pixels = image[_index(row, height, fill.mode), _index(column, width, fill.mode)]
            seen += (in_y * in_x)[..., None] * pixels
    if fill.mode == "constant":
        seen[outside] = fill.value
    return seen


def _mixed(x: int) -> int:
    x &= 0xFFFFFFFF
    x = (x ^ x >> 16) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ x >> 15) * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def _in_range(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _index(index: np.ndarray, size: int, mode: str) -> np.ndarray:
    if mode == "reflect":
        index = index % (2 * size)
        return np.where(index < size, index, 2 * size - 1 - index)
    return np.clip(index, 0, size - 1)


def _wrapped(place: np.ndarray, size: int) -> np.ndarray:
    last = size - 1
    below = place + last * (np.trunc(-place / last) + 1)
    above = place - last * np.trunc(place / last)
    return np.where(place < 0, below, np.where(place > last, above, place))
