"""One bilinear resampling of a batch, each picture by its own matrix.

TensorFlow's ImageProjectiveTransformV3, which keras.ops.image would call, would do for `nearest`
and `reflect` alone: it blends a rim one pixel wide into `constant`, wraps at another period, and
has no XLA kernel. This gathers the four neighbours of every place instead, with the fill rules of
scipy.ndimage.
"""

from __future__ import annotations

import numpy as np
from keras import KerasTensor as Tensor
from keras import ops

from zoo.engine.augment.device import gather
from zoo.engine.augment.program import spline
from zoo.transform import Fill


def warp(
    images: Tensor,
    matrices: Tensor,
    fill: Fill,
    size: tuple[int, int],
    knots: Tensor | None = None,
) -> Tensor:
    """Resample pictures at the places that their matrices say.

    Args:
        images: [N,H,W,C] of any number type; H and W are known before the data.
        matrices: Output-to-input maps, [N,3,3]; in float64 places are as exact as on the CPU.
        fill: What is seen beyond the border.
        size: Height h and width w of what comes out.
        knots: Moves of an Elastic's knots in pixels, [N,2,grid,grid], or None.

    Returns:
        float32 [N,h,w,C].
    """
    height, width = images.shape[1:3]
    x, y = _places(matrices, size, knots)
    left, right, across = _neighbours(x, width, fill.mode)
    top, bottom, down = _neighbours(y, height, fill.mode)

    rows = ops.reshape(images, [-1, height * width, images.shape[3]])

    def pixels(row: Tensor, column: Tensor) -> Tensor:
        # Gathered in the type that came in: a quarter of the traffic for 8-bit pictures.
        return ops.cast(gather.each(rows, row * width + column), "float32")

    upper = _between(pixels(top, left), pixels(top, right), across)
    lower = _between(pixels(bottom, left), pixels(bottom, right), across)
    seen = _between(upper, lower, down)
    if fill.mode == "constant":
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        seen = ops.where(inside[..., None], seen, np.float32(fill.value))
    return seen


def _places(matrices: Tensor, size: tuple[int, int], knots: Tensor | None) -> tuple[Tensor, Tensor]:
    """Where in its input each output pixel looks: x and y, [N,h,w]."""
    x = ops.arange(size[1], dtype=matrices.dtype)[None, None, :]
    y = ops.arange(size[0], dtype=matrices.dtype)[None, :, None]
    if knots is not None:
        grid = knots.shape[2]
        down, across = (ops.convert_to_tensor(spline(grid, each), matrices.dtype) for each in size)
        # Sums and not matrix products, which GPUs round to ten bits.
        by_row = sum(down[:, i, None] * knots[:, :, i, None] for i in range(grid))
        moves = sum(by_row[..., j, None] * across[:, j] for j in range(grid))
        x, y = x + moves[:, 0], y + moves[:, 1]
    m = matrices[:, :, :, None, None]
    u, v, depth = (m[:, i, 0] * x + (m[:, i, 1] * y + m[:, i, 2]) for i in range(3))
    # Exactly 1 where there is no perspective, so that nothing is rounded.
    return u / depth, v / depth


def _neighbours(place: Tensor, size: int, mode: str) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels around each place along one axis, and how far it is from the first."""
    last = size - 1
    if mode == "wrap":
        place = _wrapped(place, last)
    if mode != "reflect":
        place = ops.clip(place, 0, last)
    first = ops.floor(place)
    step = ops.cast(place - first, "float32")[..., None]
    first = ops.cast(first, "int32")
    if mode == "reflect":
        return _reflected(first, size), _reflected(first + 1, size), step
    return first, ops.minimum(first + 1, last), step


def _reflected(index: Tensor, size: int) -> Tensor:
    """The picture and its mirror image by turns, border pixels twice."""
    index = ops.mod(index, 2 * size)
    return ops.minimum(index, 2 * size - 1 - index)


def _wrapped(place: Tensor, last: int) -> Tensor:
    """Scipy's `wrap`: the period is one pixel short, and a place in the picture is left alone."""
    period = max(last, 1)
    before = place + period * (ops.floor(-place / period) + 1)
    after = place - period * ops.floor(place / period)
    return ops.where(place < 0, before, ops.where(place > last, after, place))


def _between(first: Tensor, second: Tensor, step: Tensor) -> Tensor:
    # This form gives the first pixel's bits at step 0, and never leaves the range of the two.
    return first + (second - first) * step
