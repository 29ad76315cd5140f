"""Colour transforms that are linear in the picture, merged into one.

One such map is x -> A x + b + D m: x a pixel's three channels, m the three means of the picture
that the map is given. m stands for the mean grey that contrast refers to; maps follow one another
without looking at pixels, so that any number of them costs one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from zoo import transform as t
from zoo.engine.augment.leaf import Leaf

# ITU-R 601, as Pillow's conversion to grey.
GREY = np.array([0.299, 0.587, 0.114])
_TO_YIQ = np.array([GREY, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
# Two rows that sum to 0, so that grey stays grey.
_TO_YIQ[1:] -= _TO_YIQ[1:].mean(axis=1, keepdims=True)

LINEAR = (
    t.Brightness,
    t.Contrast,
    t.Saturation,
    t.Hue,
    t.Grayscale,
    t.Invert,
    t.ChannelShift,
    t.Rescale,
    t.Normalize,
)
"""Transforms that are such maps."""

WIDTH = 9 + 3 + 9
"""Numbers of one map: A, b and D."""


def total(leaves: Sequence[Leaf], params: np.ndarray) -> np.ndarray:
    """One map for a run of linear transforms of each picture.

    Args:
        leaves: The transforms, in order.
        params: Draws, float64 [N,P].

    Returns:
        A, b and D side by side, float64 [N,21].
    """
    count = len(params)
    weight = np.broadcast_to(np.eye(3), (count, 3, 3))
    offset, mean = np.zeros((count, 3)), np.zeros((count, 3, 3))
    for leaf in leaves:
        values = leaf.values(params)
        on = leaf.on(params)
        a = np.broadcast_to(factor(leaf.transform, values), (count, 3, 3))
        b = np.broadcast_to(summand(leaf.transform, values), (count, 3))
        a = np.where(on[:, None, None], a, np.eye(3))
        b = np.where(on[:, None], b, 0)
        share = np.zeros(count)
        if isinstance(leaf.transform, t.Contrast):
            # (1 - c) times the grey of the means as the maps before have made them.
            share = np.where(on, 1 - values[:, 0], 0)
        grey = share[:, None, None] * np.broadcast_to(GREY, (3, 3))
        # New from old, in the order that leaves the old ones to be read.
        mean = a @ mean + grey @ (weight + mean)
        offset = _times(a, offset) + b + _times(grey, offset)
        weight = a @ weight
    return np.concatenate([weight.reshape(-1, 9), offset, mean.reshape(-1, 9)], axis=1)


@singledispatch
def factor(transform: t.Transform, values: np.ndarray) -> np.ndarray:
    """A of one transform, [N,3,3] or [3,3]."""
    return np.eye(3)


@singledispatch
def summand(transform: t.Transform, values: np.ndarray) -> np.ndarray:
    """The b of one transform, [N,3] or [3]."""
    return np.zeros(3)


@factor.register(t.Brightness)
@factor.register(t.Contrast)
def _(transform: t.Transform, values: np.ndarray) -> np.ndarray:
    return values[:, :1, None] * np.eye(3)


@factor.register
def _(transform: t.Saturation, values: np.ndarray) -> np.ndarray:
    kept = values[:, :1, None]
    return kept * np.eye(3) + (1 - kept) * np.broadcast_to(GREY, (3, 3))


@factor.register
def _(transform: t.Grayscale, values: np.ndarray) -> np.ndarray:
    return np.broadcast_to(GREY, (3, 3))


@factor.register
def _(transform: t.Hue, values: np.ndarray) -> np.ndarray:
    angle = np.radians(values[:, 0])
    sin, cos, nil = np.sin(angle), np.cos(angle), np.zeros(len(values))
    turn = np.stack([nil + 1, nil, nil, nil, cos, -sin, nil, sin, cos], axis=-1)
    turned = np.linalg.inv(_TO_YIQ) @ turn.reshape(-1, 3, 3) @ _TO_YIQ
    # At 0 degrees nothing is to change, not even in the last digit.
    return np.where(values[:, :1, None] == 0, np.eye(3), turned)


@factor.register
def _(transform: t.Invert, values: np.ndarray) -> np.ndarray:
    return -np.eye(3)


@summand.register
def _(transform: t.Invert, values: np.ndarray) -> np.ndarray:
    return np.full(3, 255.0)


@summand.register
def _(transform: t.ChannelShift, values: np.ndarray) -> np.ndarray:
    return np.broadcast_to(values, (len(values), 3))


@factor.register
def _(transform: t.Rescale, values: np.ndarray) -> np.ndarray:
    return transform.factor * np.eye(3)


@factor.register
def _(transform: t.Normalize, values: np.ndarray) -> np.ndarray:
    return np.eye(3) if transform.std is None else np.diag(1 / (np.array(transform.std) + 1e-6))


@summand.register
def _(transform: t.Normalize, values: np.ndarray) -> np.ndarray:
    return -factor(transform, values) @ np.array(transform.mean)


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", matrices, vectors)
