"""The matrix that a transform's draws make.

A matrix takes a pixel (x, y, 1) of the output to the place in the input that it shows. Matrices
multiply in the order in which the picture undergoes the transforms. All is float64: at right
angles rounding alone decides whether a border pixel lies inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from zoo import transform as t
from zoo.engine.augment.leaf import Leaf
from zoo.errors import PolicyError

Size = tuple[int, int]


def output_size(leaves: Sequence[Leaf], size: Size) -> Size:
    """Height and width of what comes out of pictures of a size."""
    for leaf in leaves:
        if isinstance(leaf.transform, (t.Crop, t.Resize)):
            if leaf.gates:
                raise PolicyError(
                    f"{type(leaf.transform).__name__} changes the size of every picture, "
                    "received one in a choice"
                )
            if isinstance(leaf.transform, t.Crop):
                _room(leaf.transform, size)
            size = (int(leaf.transform.height), int(leaf.transform.width))
    return size


def _room(transform: t.Crop, size: Size) -> Size:
    """How far a crop can be moved down and to the right within a picture and its padding."""
    height, width = size
    room = (
        height + 2 * transform.padding - transform.height,
        width + 2 * transform.padding - transform.width,
    )
    if min(room) < 0:
        raise PolicyError(
            f"Crop takes {transform.height}x{transform.width} pixels with a padding of "
            f"{transform.padding} out of pictures of {height}x{width}",
            hint="make the crop smaller, or the pictures larger",
        )
    return room


def total(leaves: Sequence[Leaf], params: np.ndarray, size: Size) -> np.ndarray:
    """Multiply the transforms of each picture into one output-to-input matrix.

    Args:
        leaves: Geometric transforms, in order.
        params: Draws, float64 [N,P].
        size: Height and width of the picture.

    Returns:
        float64 [N,3,3].
    """
    product = np.broadcast_to(np.eye(3), (len(params), 3, 3))
    for leaf in leaves:
        factor = matrix(leaf.transform, leaf.values(params), size)
        if leaf.gates:
            factor = np.where(leaf.on(params)[:, None, None], factor, np.eye(3))
        product = product @ factor
        size = output_size([leaf], size)
    return product


@singledispatch
def matrix(transform: t.Transform, values: np.ndarray, size: Size) -> np.ndarray:
    """The output-to-input matrices of one transform.

    Args:
        transform: A geometric transform.
        values: Its draws, float64 [N, number of draws].
        size: Height and width of the picture that it is given.

    Returns:
        float64 [N,3,3].
    """
    raise TypeError(f"{transform!r} moves nothing")


@matrix.register
def _(transform: t.Rotate, values: np.ndarray, size: Size) -> np.ndarray:
    angle = np.radians(values[:, 0])
    sin, cos = np.sin(angle), np.cos(angle)
    return _about_centre(cos, -sin, sin, cos, size)


@matrix.register
def _(transform: t.Shift, values: np.ndarray, size: Size) -> np.ndarray:
    height, width = size if transform.unit == "share" else (1, 1)
    # The picture moves right when a pixel shows what was to its left.
    return _rows(1, 0, -values[:, 0] * width, 0, 1, -values[:, 1] * height)


@matrix.register
def _(transform: t.Shear, values: np.ndarray, size: Size) -> np.ndarray:
    angle = np.radians(values[:, 0])
    # Sine and cosine, not the tangent, and so a little smaller: the strength that policies
    # written for Keras's ImageDataGenerator expect.
    return _about_centre(1, -np.sin(angle), 0, np.cos(angle), size)


@matrix.register
def _(transform: t.Skew, values: np.ndarray, size: Size) -> np.ndarray:
    return _about_centre(1, values[:, 0], values[:, 1], 1, size)


@matrix.register
def _(transform: t.Zoom, values: np.ndarray, size: Size) -> np.ndarray:
    return _about_centre(values[:, 0], 0, 0, values[:, -1], size)


@matrix.register
def _(transform: t.Flip, values: np.ndarray, size: Size) -> np.ndarray:
    height, width = size
    sign = 1 - 2 * values[:, 0]
    if transform.axis == "horizontal":
        return _rows(sign, 0, values[:, 0] * (width - 1), 0, 1, 0)
    return _rows(1, 0, 0, 0, sign, values[:, 0] * (height - 1))


@matrix.register
def _(transform: t.ResizedCrop, values: np.ndarray, size: Size) -> np.ndarray:
    height, width = size
    area, ratio, left, top = values.T
    wide = np.minimum(np.sqrt(area * height * width * ratio), width)
    high = np.minimum(np.sqrt(area * height * width / ratio), height)
    return _window(left * (width - wide), top * (height - high), wide, high, size)


@matrix.register
def _(transform: t.Crop, values: np.ndarray, size: Size) -> np.ndarray:
    room = _room(transform, size)
    left, top = (np.floor(values[:, i] * (room[1 - i] + 1)) - transform.padding for i in (0, 1))
    return _rows(1, 0, left, 0, 1, top)


@matrix.register
def _(transform: t.Resize, values: np.ndarray, size: Size) -> np.ndarray:
    height, width = size
    nil = np.zeros(len(values))
    return _window(nil, nil, nil + width, nil + height, (transform.height, transform.width))


@matrix.register
def _(transform: t.Perspective, values: np.ndarray, size: Size) -> np.ndarray:
    right, bottom = size[1] - 1, size[0] - 1
    corners = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]], np.float64)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [right / 2, bottom / 2]
    moved = corners + inwards * values.reshape(-1, 4, 2)
    return _homography(moved, corners)


@matrix.register
def _(transform: t.GeneratorMoves, values: np.ndarray, size: Size) -> np.ndarray:
    height, width = size
    left = values[:, 1] * (height if transform.sideways_unit == "share" else 1)
    up = values[:, 2] * (width if transform.upwards_unit == "share" else 1)
    angle, slant = np.radians(values[:, 0]), np.radians(values[:, 3])
    sin, cos = np.sin(angle), np.cos(angle)
    product = (
        _rows(cos, -sin, 0, sin, cos, 0)
        @ _rows(1, 0, left, 0, 1, up)
        @ _rows(1, -np.sin(slant), 0, 0, np.cos(slant), 0)
        @ _rows(values[:, 4], 0, 0, 0, values[:, 5], 0)
    )
    # The swapped centre is Keras's, on purpose.
    centre = np.array([[1, 0, height / 2 - 0.5], [0, 1, width / 2 - 0.5], [0, 0, 1]])
    back = np.array([[1, 0, 0.5 - height / 2], [0, 1, 0.5 - width / 2], [0, 0, 1]])
    # Where nothing is drawn nothing is resampled, as in Keras.
    still = (values == [0, 0, 0, 0, 1, 1]).all(axis=1)
    return np.where(still[:, None, None], np.eye(3), centre @ product @ back)


def _homography(seen: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The maps that take four places of the output [N,4,2] to four of the input [4,2]."""
    count = len(seen)
    x, y = seen[..., 0], seen[..., 1]
    u, v = shown[:, 0], shown[:, 1]
    nil, one = np.zeros_like(x), np.ones_like(x)
    above = np.stack([x, y, one, nil, nil, nil, -u * x, -u * y], axis=-1)
    below = np.stack([nil, nil, nil, x, y, one, -v * x, -v * y], axis=-1)
    wanted = np.broadcast_to(np.concatenate([u, v]), (count, 8))
    solved = np.linalg.solve(np.concatenate([above, below], axis=1), wanted[..., None])[..., 0]
    return np.concatenate([solved, np.ones((count, 1))], axis=1).reshape(-1, 3, 3)


def _window(
    left: np.ndarray, top: np.ndarray, wide: np.ndarray, high: np.ndarray, shown: Size
) -> np.ndarray:
    """Show a window of the input at another size, with the centres of pixels at halves."""
    across, down = wide / shown[1], high / shown[0]
    return _rows(across, 0, left + (across - 1) / 2, 0, down, top + (down - 1) / 2)


def _about_centre(
    a: np.ndarray | float,
    b: np.ndarray | float,
    c: np.ndarray | float,
    d: np.ndarray | float,
    size: Size,
) -> np.ndarray:
    """The map [[a, b], [c, d]] with the picture's centre as its fixed point."""
    x, y = (size[1] - 1) / 2, (size[0] - 1) / 2
    return _rows(a, b, x - a * x - b * y, c, d, y - c * x - d * y)


def _rows(*six: np.ndarray | float) -> np.ndarray:
    upper = np.stack(np.broadcast_arrays(*map(np.atleast_1d, six)), axis=-1)
    last = np.broadcast_to([0.0, 0.0, 1.0], (len(upper), 3))
    return np.concatenate([upper, last], axis=1).reshape(-1, 3, 3)
