"""The loss of a benchmark's training step, for any backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Callable


def cross_entropy(model: keras.Model) -> Callable[[Any, Any], Any]:
    """The loss of integer labels [N] and the model's probabilities [N, classes]."""
    if model.output.shape[-1] == 1:
        binary = keras.losses.BinaryCrossentropy()
        return lambda labels, answers: binary(keras.ops.expand_dims(labels, -1), answers)
    return keras.losses.SparseCategoricalCrossentropy()
