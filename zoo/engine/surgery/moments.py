"""Mean and variance of activations in one pass over any number of pictures.

Each batch is reduced on the device, a few lines of a map in float32 about a provisional mean and
those sums in float64; batches are merged in float64: T. Chan, G. Golub, R. LeVeque, Updating
Formulae and a Pairwise Algorithm for Computing Sample Variances, COMPSTAT 1982.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

LINES = 14
"""Lines of a map that are added at once: measured fastest on maps of 14 to 224 lines."""


@dataclass
class Moments:
    """Count, mean and summed squared deviations per channel, float64.

    Args:
        channels: How many.
    """

    channels: int
    count: int = 0
    mean: np.ndarray = field(init=False)
    squares: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.mean = np.zeros(self.channels)
        self.squares = np.zeros(self.channels)

    @property
    def variance(self) -> np.ndarray:
        """The population variance, float64 [channels]."""
        return self.squares / max(self.count, 1)

    def merge(self, count: int, mean: np.ndarray, squares: np.ndarray) -> None:
        """Take in the moments of further values."""
        total = self.count + count
        step = mean - self.mean
        self.mean = self.mean + step * (count / total)
        self.squares = self.squares + squares + step**2 * (self.count * count / total)
        self.count = total


def stream(model: keras.Model, names: Sequence[str], batches: Iterable[Any]) -> dict[str, Moments]:
    """Moments of what enters some layers, over all pictures, in inference mode.

    Args:
        model: A flat functional model.
        names: Layers that are called once.
        batches: Pictures [n,H,W,3], n as it comes.

    Returns:
        Moments by name; memory does not grow with the number of pictures.
    """
    inputs = [model.get_layer(name).input for name in names]
    reduce = sums(model, names)
    found = {
        name: Moments(int(tensor.shape[-1])) for name, tensor in zip(names, inputs, strict=True)
    }

    centres: list[tf.Tensor] | None = None
    for batch in batches:
        images = tf.convert_to_tensor(batch)
        counts = [
            len(batch) * int(np.prod(tensor.shape[1:-1], dtype=np.int64)) for tensor in inputs
        ]
        if centres is None:  # Deviations from a centre near the mean keep every digit.
            zeros = [tf.zeros(each.channels, tf.float64) for each in found.values()]
            begun = zip(reduce(images, zeros), counts, strict=True)
            # In float32 and back, so that the device subtracts what is added again here.
            centres = [
                tf.cast(tf.cast(first / count, tf.float32), tf.float64)
                for (first, _), count in begun
            ]
        for moments, centre, count, (first, second) in zip(
            found.values(), centres, counts, reduce(images, centres), strict=True
        ):
            mean = first.numpy() / count
            squares = np.maximum(second.numpy() - mean**2 * count, 0.0)
            moments.merge(count, centre.numpy() + mean, squares)
    return found


def sums(model: keras.Model, names: Sequence[str]) -> Callable[..., Any]:
    """The pass over one batch, compiled.

    Args:
        model: The model.
        names: Layers that are called once.

    Returns:
        A function of pictures and a centre for each layer, which gives for each layer the sum of
        the deviations of its input from the centre and that of their squares, float64 [channels].
    """
    probe = keras.Model(model.input, [model.get_layer(name).input for name in names])

    @tf.function(reduce_retracing=True)
    def sums(images: tf.Tensor, centres: list[tf.Tensor]) -> list[tuple[tf.Tensor, tf.Tensor]]:
        tensors = probe(images, training=False)
        tensors = tensors if isinstance(tensors, list | tuple) else [tensors]
        return [_sums(each, centre) for each, centre in zip(tensors, centres, strict=True)]

    return sums


def _sums(tensor: tf.Tensor, centre: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum and sum of squares of the deviations from a centre, float64 [channels]."""
    return _of_map(tensor, centre) if len(tensor.shape) == 4 else _of_rows(tensor, centre)


@tf.function(jit_compile=True)
def _of_map(tensor: tf.Tensor, centre: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    # Fused, the map is read once. Whole lines are added to each other, which is one long vector
    # addition, a few of them in float32: a single sum of that many values loses nothing.
    _, height, width, channels = tensor.shape
    lines = tf.reshape(tf.cast(tensor, tf.float32), (-1, _section(height), width * channels))
    deviations = lines - tf.tile(tf.cast(centre, tf.float32), [width])
    sections = (tf.reduce_sum(each, 1) for each in (deviations, tf.square(deviations)))
    first, second = (
        tf.reduce_sum(tf.reshape(tf.cast(each, tf.float64), (-1, channels)), 0) for each in sections
    )
    return first, second


def _section(height: int) -> int:
    """How many lines of a map of some height are added at once: a divisor of it."""
    few = max(lines for lines in range(1, LINES + 1) if height % lines == 0)
    return few if few >= LINES // 4 else height


def _of_rows(tensor: tf.Tensor, centre: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    rows = tf.reshape(tf.cast(tensor, tf.float64), (-1, tensor.shape[-1])) - centre
    return tf.reduce_sum(rows, 0), tf.reduce_sum(tf.square(rows), 0)
