"""What colour and region transforms make of a batch; cut to 0..255 by the caller.

Each takes pictures float32 [N,H,W,3] and the numbers of each picture, float32 [N,1,1,1] each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
from keras import KerasTensor as Tensor
from keras import ops

from zoo import transform as t
from zoo.engine.augment import whitening
from zoo.engine.augment.device import gather
from zoo.engine.augment.program import blur_radius

Numbers = Sequence[Tensor]


def linear(x: Tensor, numbers: Tensor) -> Tensor:
    """A x + b + D m with the numbers of `linear.total`, float32 [N,21]."""
    weight = ops.reshape(numbers[:, :9], [-1, 3, 3])
    mean = ops.reshape(numbers[:, 12:], [-1, 3, 3])
    # Sums and not matrix products, which GPUs round to ten bits.
    offset = numbers[:, 9:12] + ops.sum(mean * ops.mean(x, [1, 2])[:, None], axis=2)
    red, green, blue = (x[..., each : each + 1] for each in range(3))
    columns = (weight[:, None, None, :, each] for each in range(3))
    by_red, by_green, by_blue = columns
    return by_red * red + by_green * green + by_blue * blue + offset[:, None, None]


@singledispatch
def apply(transform: t.Transform, x: Tensor, numbers: Numbers) -> Tensor:
    """What a transform makes of pictures: float32 [N,H,W,3]."""
    raise TypeError(f"{transform!r} is not for a batch")


@apply.register
def _(transform: t.Gamma, x: Tensor, numbers: Numbers) -> Tensor:
    return 255 * ops.power(x / 255, numbers[0])


@apply.register
def _(transform: t.Solarize, x: Tensor, numbers: Numbers) -> Tensor:
    return ops.where(x >= numbers[0], 255 - x, x)


@apply.register
def _(transform: t.Posterize, x: Tensor, numbers: Numbers) -> Tensor:
    step = ops.power(2.0, 8 - numbers[0])
    return ops.floor(x / step) * step


@apply.register
def _(transform: t.BrightnessInBytes, x: Tensor, numbers: Numbers) -> Tensor:
    return ops.floor(ops.floor(x) * numbers[0])


@apply.register
def _(transform: t.ChannelShiftWithin, x: Tensor, numbers: Numbers) -> Tensor:
    low, high = _over_picture(ops.min, x), _over_picture(ops.max, x)
    return ops.clip(x + numbers[0], low, high)


@apply.register
def _(transform: t.AutoContrast, x: Tensor, numbers: Numbers) -> Tensor:
    low = ops.min(x, [1, 2], keepdims=True)
    high = ops.max(x, [1, 2], keepdims=True)
    return ops.where(high > low, (x - low) * (255 / ops.maximum(high - low, 1e-6)), x)


@apply.register
def _(transform: t.Equalize, x: Tensor, numbers: Numbers) -> Tensor:
    levels = ops.cast(ops.round(ops.transpose(x, [0, 3, 1, 2])), "int32")
    _, channels, height, width = levels.shape
    flat = ops.reshape(levels, [-1, height * width])
    rows = ops.shape(flat)[0]
    bins = flat + 256 * ops.arange(rows, dtype="int32")[:, None]
    counts = ops.segment_sum(
        ops.reshape(ops.ones_like(flat), [-1]), ops.reshape(bins, [-1]), num_segments=256 * rows
    )
    counts = ops.reshape(counts, [-1, 256])
    # Of the lightest level that occurs, as Pillow does.
    lightest = gather.each(counts, ops.max(flat, axis=1))
    step = (height * width - lightest) // 255
    before = ops.cumsum(counts, axis=1) - counts
    table = (before + step[:, None] // 2) // ops.maximum(step[:, None], 1)
    table = ops.where(
        step[:, None] > 0, ops.minimum(table, 255), ops.arange(256, dtype="int32")[None]
    )
    seen = gather.each(table, flat)
    seen = ops.reshape(ops.cast(seen, "float32"), [-1, channels, height, width])
    return ops.transpose(seen, [0, 2, 3, 1])


@apply.register
def _(transform: t.Sharpness, x: Tensor, numbers: Numbers) -> Tensor:
    height, width = x.shape[1:3]
    shifted = [
        x[:, down : height - 2 + down, right : width - 2 + right]
        for down in range(3)
        for right in range(3)
    ]
    smooth = (sum(shifted) + 4 * shifted[4]) / 13
    inner = ops.pad(numbers[0] * shifted[4] + (1 - numbers[0]) * smooth, _RIM)
    is_inner = np.pad(np.ones([1, height - 2, width - 2, 1], bool), _RIM)
    return ops.where(is_inner, inner, x)


_RIM = [[0, 0], [1, 1], [1, 1], [0, 0]]


@apply.register
def _(transform: t.Blur, x: Tensor, numbers: Numbers) -> Tensor:
    radius = blur_radius(transform)
    steps = np.arange(-radius, radius + 1, dtype=np.float32)
    # At 0 the Gaussian becomes the pixel itself.
    weights = [ops.exp(-0.5 * ops.square(step / ops.maximum(numbers[0], 1e-3))) for step in steps]
    whole = sum(weights)
    for axis in (1, 2):
        size = x.shape[axis]
        place = np.arange(size)
        mirrored = [(place + int(step)) % (2 * size) for step in steps]
        mirrored = [np.minimum(each, 2 * size - 1 - each) for each in mirrored]
        x = sum(
            weight / whole * ops.take(x, index, axis=axis)
            for weight, index in zip(weights, mirrored, strict=True)
        )
    return x


@apply.register
def _(transform: t.Noise, x: Tensor, numbers: Numbers) -> Tensor:
    count = int(np.prod(x.shape[1:]))
    pairs = -(-count // 2)
    keys = ops.cast(ops.reshape(numbers[1], [-1, 1]), "uint32")
    slots = _mixed(ops.arange(1, 2 * pairs + 1, dtype="uint32"))
    words = _mixed(ops.bitwise_xor(keys, slots[None]) + np.uint32(0x9E3779B9))
    shares = ops.cast(_right(words, 8), "float32") * 2.0**-24
    radius = ops.sqrt(-2 * ops.log(1 - shares[:, :pairs]))
    angle = 2 * np.pi * shares[:, pairs:]
    normal = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=1)[:, :count]
    return x + numbers[0] * ops.reshape(normal, ops.shape(x))


def _mixed(x: Tensor) -> Tensor:
    """The mixer of `draw`, bit for bit."""
    x = ops.bitwise_xor(x, _right(x, 16)) * np.uint32(0x7FEB352D)
    x = ops.bitwise_xor(x, _right(x, 15)) * np.uint32(0x846CA68B)
    return ops.bitwise_xor(x, _right(x, 16))


def _right(x: Tensor, count: int) -> Tensor:
    return ops.bitwise_right_shift(x, np.uint32(count))


@apply.register(t.Occlude)
@apply.register(t.Erase)
def _(transform: t.Transform, x: Tensor, numbers: Numbers) -> Tensor:
    left, top, right, bottom, value = numbers
    column, row = grid(x)
    covered = (column >= left) & (column < right) & (row >= top) & (row < bottom)
    return ops.where(covered, value, x)


@apply.register
def _(transform: t.GridMask, x: Tensor, numbers: Numbers) -> Tensor:
    period, side, left, top, value = numbers
    column, row = grid(x)
    period = ops.maximum(period, 1)
    covered = (ops.mod(column + left, period) < side) & (ops.mod(row + top, period) < side)
    return ops.where(covered, value, x)


@apply.register
def _(transform: t.Center, x: Tensor, numbers: Numbers) -> Tensor:
    return x - _over_picture(ops.mean, x)


@apply.register
def _(transform: t.Whiten, x: Tensor, numbers: Numbers) -> Tensor:
    shape = tuple(x.shape[1:])
    flat = ops.reshape(x, [-1, int(np.prod(shape))])
    return ops.reshape(
        flat @ ops.convert_to_tensor(whitening.load(transform.file, shape)), ops.shape(x)
    )


@apply.register
def _(transform: t.Standardize, x: Tensor, numbers: Numbers) -> Tensor:
    return x / (_over_picture(ops.std, x) + 1e-6)


def _over_picture(reduce: object, x: Tensor) -> Tensor:
    return reduce(x, [1, 2, 3], keepdims=True)


def grid(x: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row of each pixel, float32 [1,1,W,1] and [1,H,1,1]."""
    height, width = x.shape[1:3]
    column = ops.arange(width, dtype="float32")[None, None, :, None]
    return column, ops.arange(height, dtype="float32")[None, :, None, None]
