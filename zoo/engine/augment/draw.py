"""Random numbers as a function of what they are for: seed, epoch, picture and slot.

No state is kept, so a draw does not depend on batch size, order, workers or where a run was
resumed. TensorFlow's own stateless draws do not serve: they are keyed by position in the batch,
and their floats differ between eager and XLA (it takes other bits of the same word).
"""

from __future__ import annotations

import tensorflow as tf

# The golden ratio's bits: keeps zero, the mixer's fixed point, out of the chain.
GOLDEN = 0x9E3779B9


def bits(seed: tf.Tensor, epoch: tf.Tensor, indices: tf.Tensor, slots: int) -> tf.Tensor:
    """32 random bits for each picture and slot.

    Args:
        seed: Scalar integer; its low 32 bits count.
        epoch: Scalar integer.
        indices: Which picture of the data each row is, integers [N].
        slots: Number of draws per picture, P.

    Returns:
        uint32 [N,P].
    """
    seed, epoch, indices = (tf.cast(each, tf.uint32) for each in (seed, epoch, indices))
    state = _mixed(seed + GOLDEN)
    state = _mixed(_xor(state, epoch) + GOLDEN)
    state = _mixed(_xor(state, indices) + GOLDEN)
    keys = _mixed(tf.range(slots, dtype=tf.int32) + 1)
    return _mixed(_xor(state[:, None], keys[None, :]) + GOLDEN)


def uniform(words: tf.Tensor) -> tf.Tensor:
    """Numbers in [0, 1) from the upper 24 bits of each word; float64, exact in float32 too."""
    return tf.cast(tf.bitwise.right_shift(words, tf.constant(8, tf.uint32)), tf.float64) * 2.0**-24


def _mixed(x: tf.Tensor) -> tf.Tensor:
    # "lowbias32", the two-multiply mixer with the least known bias (C. Wellons, hash-prospector).
    x = tf.cast(x, tf.uint32)
    x = _xor(x, _right(x, 16)) * tf.constant(0x7FEB352D, tf.uint32)
    x = _xor(x, _right(x, 15)) * tf.constant(0x846CA68B, tf.uint32)
    return _xor(x, _right(x, 16))


def _right(x: tf.Tensor, count: int) -> tf.Tensor:
    return tf.bitwise.right_shift(x, tf.constant(count, tf.uint32))


def _xor(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(x, y)
