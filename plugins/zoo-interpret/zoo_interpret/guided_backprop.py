"""Guided backpropagation: Springenberg et al., arXiv:1412.6806."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def guided_backprop(model: keras.Model, images: np.ndarray, class_index: np.ndarray) -> HeatMaps:
    """Edges of the picture, hardly what the class hangs on: it fails the sanity checks.

    The gradient, of which each ReLU lets only what is positive go back. Its maps stay much the
    same when the model's weights are replaced by random ones (arXiv:1810.03292), so they cannot
    tell what the model has learned. It is here to be compared with. Models that use anything but
    ReLU are refused.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.

    Returns:
        Raw values, float32 [N,H,W], never below 0.
    """
    _, gradients = gradient(model, images, class_index, tap="input", guided=True)
    return np.abs(gradients).max(axis=-1)
