"""What colour and region transforms make of a batch, in TensorFlow; cut to 0..255 by the caller.

Each takes pictures float32 [N,H,W,3] and the numbers of each picture, float32 [N,1,1,1] each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
import tensorflow as tf

from zoo import transform as t
from zoo.engine.augment import whitening
from zoo.engine.augment.program import blur_radius

Numbers = Sequence[tf.Tensor]


def linear(x: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """A x + b + D m with the numbers of `linear.total`, float32 [N,21]."""
    weight = tf.reshape(numbers[:, :9], [-1, 3, 3])
    mean = tf.reshape(numbers[:, 12:], [-1, 3, 3])
    offset = numbers[:, 9:12] + tf.linalg.matvec(mean, tf.reduce_mean(x, [1, 2]))
    # Three sums and not a matrix product, which GPUs round to ten bits.
    red, green, blue = (x[..., each : each + 1] for each in range(3))
    columns = (weight[:, None, None, :, each] for each in range(3))
    by_red, by_green, by_blue = columns
    return by_red * red + by_green * green + by_blue * blue + offset[:, None, None]


@singledispatch
def apply(transform: t.Transform, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    """What a transform makes of pictures: float32 [N,H,W,3]."""
    raise TypeError(f"{transform!r} is not for a batch")


@apply.register
def _(transform: t.Gamma, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    return 255 * tf.pow(x / 255, numbers[0])


@apply.register
def _(transform: t.Solarize, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    return tf.where(x >= numbers[0], 255 - x, x)


@apply.register
def _(transform: t.Posterize, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    step = tf.pow(2.0, 8 - numbers[0])
    return tf.floor(x / step) * step


@apply.register
def _(transform: t.BrightnessInBytes, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    return tf.floor(tf.floor(x) * numbers[0])


@apply.register
def _(transform: t.ChannelShiftWithin, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    low, high = _over_picture(tf.reduce_min, x), _over_picture(tf.reduce_max, x)
    return tf.clip_by_value(x + numbers[0], low, high)


@apply.register
def _(transform: t.AutoContrast, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    low = tf.reduce_min(x, [1, 2], keepdims=True)
    high = tf.reduce_max(x, [1, 2], keepdims=True)
    return tf.where(high > low, (x - low) * (255 / tf.maximum(high - low, 1e-6)), x)


@apply.register
def _(transform: t.Equalize, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    levels = tf.cast(tf.round(tf.transpose(x, [0, 3, 1, 2])), tf.int32)
    _, channels, height, width = levels.shape
    flat = tf.reshape(levels, [-1, height * width])
    rows = tf.range(tf.shape(flat)[0])[:, None]
    counts = tf.math.unsorted_segment_sum(
        tf.ones_like(flat), flat + 256 * rows, 256 * tf.shape(flat)[0]
    )
    counts = tf.reshape(counts, [-1, 256])
    # Of the lightest level that occurs, as Pillow does.
    lightest = tf.gather(counts, tf.reduce_max(flat, axis=1), batch_dims=1)
    step = (height * width - lightest) // 255
    before = tf.cumsum(counts, axis=1, exclusive=True)
    table = (before + step[:, None] // 2) // tf.maximum(step[:, None], 1)
    table = tf.where(step[:, None] > 0, tf.minimum(table, 255), tf.range(256)[None])
    seen = tf.gather(table, flat, batch_dims=1)
    seen = tf.reshape(tf.cast(seen, tf.float32), [-1, channels, height, width])
    return tf.transpose(seen, [0, 2, 3, 1])


@apply.register
def _(transform: t.Sharpness, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    height, width = x.shape[1:3]
    shifted = [
        x[:, down : height - 2 + down, right : width - 2 + right]
        for down in range(3)
        for right in range(3)
    ]
    smooth = (tf.add_n(shifted) + 4 * shifted[4]) / 13
    inner = tf.pad(numbers[0] * shifted[4] + (1 - numbers[0]) * smooth, _RIM)
    is_inner = tf.pad(tf.ones([1, height - 2, width - 2, 1], tf.bool), _RIM)
    return tf.where(is_inner, inner, x)


_RIM = [[0, 0], [1, 1], [1, 1], [0, 0]]


@apply.register
def _(transform: t.Blur, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    radius = blur_radius(transform)
    steps = np.arange(-radius, radius + 1, dtype=np.float32)
    # At 0 the Gaussian becomes the pixel itself.
    weights = [tf.exp(-0.5 * tf.square(step / tf.maximum(numbers[0], 1e-3))) for step in steps]
    whole = tf.add_n(weights)
    for axis in (1, 2):
        size = x.shape[axis]
        place = np.arange(size)
        mirrored = [(place + int(step)) % (2 * size) for step in steps]
        mirrored = [np.minimum(each, 2 * size - 1 - each) for each in mirrored]
        x = tf.add_n(
            [
                weight / whole * tf.gather(x, index, axis=axis)
                for weight, index in zip(weights, mirrored, strict=True)
            ]
        )
    return x


@apply.register
def _(transform: t.Noise, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    count = int(np.prod(x.shape[1:]))
    pairs = -(-count // 2)
    keys = tf.cast(tf.reshape(numbers[1], [-1, 1]), tf.uint32)
    slots = _mixed(tf.cast(tf.range(1, 2 * pairs + 1), tf.uint32))
    words = _mixed(tf.bitwise.bitwise_xor(keys, slots[None]) + tf.constant(0x9E3779B9, tf.uint32))
    shares = tf.cast(_right(words, 8), tf.float32) * 2.0**-24
    radius = tf.sqrt(-2 * tf.math.log(1 - shares[:, :pairs]))
    angle = 2 * np.pi * shares[:, pairs:]
    normal = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)[:, :count]
    return x + numbers[0] * tf.reshape(normal, tf.shape(x))


def _mixed(x: tf.Tensor) -> tf.Tensor:
    """The mixer of `draw`, bit for bit."""
    x = tf.bitwise.bitwise_xor(x, _right(x, 16)) * tf.constant(0x7FEB352D, tf.uint32)
    x = tf.bitwise.bitwise_xor(x, _right(x, 15)) * tf.constant(0x846CA68B, tf.uint32)
    return tf.bitwise.bitwise_xor(x, _right(x, 16))


def _right(x: tf.Tensor, count: int) -> tf.Tensor:
    return tf.bitwise.right_shift(x, tf.constant(count, tf.uint32))


@apply.register(t.Occlude)
@apply.register(t.Erase)
def _(transform: t.Transform, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    left, top, right, bottom, value = numbers
    column, row = _grid(x)
    covered = (column >= left) & (column < right) & (row >= top) & (row < bottom)
    return tf.where(covered, value, x)


@apply.register
def _(transform: t.GridMask, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    period, side, left, top, value = numbers
    column, row = _grid(x)
    period = tf.maximum(period, 1)
    covered = (tf.math.floormod(column + left, period) < side) & (
        tf.math.floormod(row + top, period) < side
    )
    return tf.where(covered, value, x)


@apply.register
def _(transform: t.Center, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    return x - _over_picture(tf.reduce_mean, x)


@apply.register
def _(transform: t.Whiten, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    shape = tuple(x.shape[1:])
    flat = tf.reshape(x, [-1, int(np.prod(shape))])
    return tf.reshape(flat @ tf.constant(whitening.load(transform.file, shape)), tf.shape(x))


@apply.register
def _(transform: t.Standardize, x: tf.Tensor, numbers: Numbers) -> tf.Tensor:
    return x / (_over_picture(tf.math.reduce_std, x) + 1e-6)


def _over_picture(reduce: object, x: tf.Tensor) -> tf.Tensor:
    return reduce(x, [1, 2, 3], keepdims=True)


def _grid(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Column and row of each pixel, float32 [1,1,W,1] and [1,H,1,1]."""
    height, width = x.shape[1:3]
    column = tf.range(width, dtype=tf.float32)[None, None, :, None]
    return column, tf.range(height, dtype=tf.float32)[None, :, None, None]
