"""A compiled policy: what it draws for a picture, and how the draws become one warp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import tensorflow as tf

from zoo.engine.augment.draw import bits, uniform
from zoo.engine.augment.matrix import Draw, draws, matrix
from zoo.engine.augment.warp import warp
from zoo.errors import PolicyError
from zoo.transform import Fill, Flip, Rotate, Shear, Shift, Transform, Zoom

# Transforms that leave every picture alone, and so cost nothing.
STILL = frozenset(
    {
        Rotate(0),
        Shift(0, 0),
        Shear(0),
        Zoom(1, 1),
        Flip("horizontal", 0),
        Flip("vertical", 0),
    }
)


def compile(transforms: Sequence[Transform]) -> Plan:
    """Turn a policy's transforms into a plan.

    Args:
        transforms: What a policy returned, in the order in which a picture undergoes them.

    Returns:
        The plan; of an empty list, one that returns every picture's own bits.

    Raises:
        PolicyError: An entry is no transform, or `Fill` stands there twice.
    """
    fills = [each for each in transforms if isinstance(each, Fill)]
    if len(fills) > 1:
        raise PolicyError(f"a policy has one Fill, received {len(fills)}")
    moves = tuple(each for each in transforms if not isinstance(each, Fill))
    return Plan(moves, fills[0] if fills else Fill(), tuple(map(draws, moves)))


@dataclass(frozen=True)
class Plan:
    """Draws, matrix and warp of one policy.

    Args:
        transforms: Geometric transforms, in order.
        fill: What is seen beyond the border.
        draws: What each transform draws.
    """

    transforms: tuple[Transform, ...]
    fill: Fill
    draws: tuple[tuple[Draw, ...], ...]

    @property
    def columns(self) -> tuple[Draw, ...]:
        """What each column of `params` holds."""
        return tuple(draw for each in self.draws for draw in each)

    def apply(
        self,
        images: tf.Tensor,
        seed: int | tf.Tensor,
        epoch: int | tf.Tensor,
        indices: tf.Tensor,
    ) -> tf.Tensor:
        """Augment a batch; usable eagerly and inside `tf.data.Dataset.map`.

        What a picture becomes depends on seed, epoch and its index alone, whatever the batch.

        Args:
            images: uint8 or float [N,H,W,3], 0..255; H and W known before the data.
            seed: One per training, 0 to 2**32-1.
            epoch: Which pass over the data; as a tensor where it changes inside a graph.
            indices: Which picture of the data each row is, integers [N].

        Returns:
            float32 [N,H,W,3], 0..255.
        """
        return self.warp(images, self.sample(seed, epoch, indices))

    def sample(
        self, seed: int | tf.Tensor, epoch: int | tf.Tensor, indices: tf.Tensor
    ) -> tf.Tensor:
        """Draw the parameters of each picture: float64 [N,P], one column per `columns`."""
        columns = self.columns
        share = uniform(
            bits(_word(seed), _word(epoch), tf.convert_to_tensor(indices), len(columns))
        )
        low = np.array([each.low for each in columns], np.float64)
        high = np.array([each.high for each in columns], np.float64)
        coin = np.array([each.coin for each in columns], bool)
        return tf.where(coin, tf.cast(share < high, tf.float64), low + (high - low) * share)

    def matrix(self, params: tf.Tensor, height: int, width: int) -> tf.Tensor:
        """Multiply the transforms of each picture into one output-to-input matrix [N,3,3]."""
        widths = [len(each) for each in self.draws]
        values = tf.split(params, widths, axis=1)
        factors = [
            matrix(transform, drawn, height, width)
            for transform, drawn in zip(self.transforms, values, strict=True)
            if transform not in STILL
        ]
        return reduce(tf.matmul, factors)

    def warp(self, images: tf.Tensor, params: tf.Tensor) -> tf.Tensor:
        """Apply drawn parameters to a batch; the same parameters give the same pictures again."""
        images = tf.convert_to_tensor(images)
        if STILL.issuperset(self.transforms):
            return tf.cast(images, tf.float32)
        height, width = images.shape[1:3]
        # XLA fuses the gathers: 3 times the pictures per second at 224 px, at half a second for
        # each new batch shape, which a data pipeline earns back and a single call does not.
        resample = warp if tf.executing_eagerly() else tf.function(warp, jit_compile=True)
        return resample(images, self.matrix(params, height, width), self.fill)


def _word(value: int | tf.Tensor) -> tf.Tensor:
    if isinstance(value, int) and not 0 <= value < 2**32:
        raise PolicyError(f"seed and epoch are from 0 to 2**32-1, received {value}")
    return tf.convert_to_tensor(value, tf.int64) if isinstance(value, int) else value
