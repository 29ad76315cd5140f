"""What each transform draws for a picture, and the matrix that its draws make.

A matrix takes a pixel (x, y, 1) of the output to the place in the input that it shows. Matrices
multiply in the order in which the picture undergoes the transforms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import tensorflow as tf

from zoo.errors import PolicyError
from zoo.transform import Flip, Rotate, Shear, Shift, Transform, Zoom


@dataclass(frozen=True)
class Draw:
    """One number drawn per picture: even between low and high, or 0 or 1 by a coin.

    Args:
        name: What it is, with its unit.
        low: Smallest value.
        high: Largest value; for a coin, the probability of 1.
        coin: Whether it is 0 or 1.
    """

    name: str
    low: float
    high: float
    coin: bool = False


@singledispatch
def draws(transform: Transform) -> tuple[Draw, ...]:
    """What a transform draws for each picture, in order."""
    raise PolicyError(
        f"a policy gave {transform!r}, which is no transform",
        hint="return a list of Rotate, Shift, Shear, Zoom, Flip and Fill from zoo.api",
    )


@singledispatch
def matrix(transform: Transform, values: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The output-to-input matrices of one transform.

    Args:
        transform: A geometric transform.
        values: Its draws, float64 [N, number of draws].
        height: Rows of the picture.
        width: Columns of the picture.

    Returns:
        float64 [N,3,3]. Double precision, because at right angles rounding alone decides
        whether a border pixel lies inside.
    """
    raise TypeError(f"{transform!r} moves nothing")


@draws.register
def _(transform: Rotate) -> tuple[Draw, ...]:
    return (Draw("rotate, degrees", -transform.degrees, transform.degrees),)


@matrix.register
def _(transform: Rotate, values: tf.Tensor, height: int, width: int) -> tf.Tensor:
    angle = values[:, 0] * (np.pi / 180)
    sin, cos = tf.sin(angle), tf.cos(angle)
    return _about_centre(cos, -sin, sin, cos, height, width)


@draws.register
def _(transform: Shift) -> tuple[Draw, ...]:
    return (
        Draw("shift right, share of width", -transform.horizontal, transform.horizontal),
        Draw("shift down, share of height", -transform.vertical, transform.vertical),
    )


@matrix.register
def _(transform: Shift, values: tf.Tensor, height: int, width: int) -> tf.Tensor:
    one, nil = tf.ones_like(values[:, 0]), tf.zeros_like(values[:, 0])
    # The picture moves right when a pixel shows what was to its left.
    return _matrix(one, nil, -values[:, 0] * width, nil, one, -values[:, 1] * height)


@draws.register
def _(transform: Shear) -> tuple[Draw, ...]:
    return (Draw("shear, degrees", -transform.degrees, transform.degrees),)


@matrix.register
def _(transform: Shear, values: tf.Tensor, height: int, width: int) -> tf.Tensor:
    angle = values[:, 0] * (np.pi / 180)
    # Sine and cosine, not the tangent, and so a little smaller: the strength that policies
    # written for Keras's ImageDataGenerator expect.
    one, nil = tf.ones_like(angle), tf.zeros_like(angle)
    return _about_centre(one, -tf.sin(angle), nil, tf.cos(angle), height, width)


@draws.register
def _(transform: Zoom) -> tuple[Draw, ...]:
    return (
        Draw("zoom, width", transform.low, transform.high),
        Draw("zoom, height", transform.low, transform.high),
    )


@matrix.register
def _(transform: Zoom, values: tf.Tensor, height: int, width: int) -> tf.Tensor:
    nil = tf.zeros_like(values[:, 0])
    return _about_centre(values[:, 0], nil, nil, values[:, 1], height, width)


@draws.register
def _(transform: Flip) -> tuple[Draw, ...]:
    return (Draw(f"flip, {transform.axis}", 0, transform.probability, coin=True),)


@matrix.register
def _(transform: Flip, values: tf.Tensor, height: int, width: int) -> tf.Tensor:
    heads = values[:, 0]
    sign = 1 - 2 * heads
    one, nil = tf.ones_like(heads), tf.zeros_like(heads)
    if transform.axis == "horizontal":
        return _matrix(sign, nil, heads * (width - 1), nil, one, nil)
    return _matrix(one, nil, nil, nil, sign, heads * (height - 1))


def _about_centre(
    a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, d: tf.Tensor, height: int, width: int
) -> tf.Tensor:
    """The map [[a, b], [c, d]] with the picture's centre as its fixed point."""
    x, y = (width - 1) / 2, (height - 1) / 2
    return _matrix(a, b, x - a * x - b * y, c, d, y - c * x - d * y)


def _matrix(*rows: tf.Tensor) -> tf.Tensor:
    nil, one = tf.zeros_like(rows[0]), tf.ones_like(rows[0])
    return tf.reshape(tf.stack([*rows, nil, nil, one], axis=-1), [-1, 3, 3])
