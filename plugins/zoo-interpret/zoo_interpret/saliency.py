"""Saliency: Simonyan et al., arXiv:1312.6034."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def saliency(model: keras.Model, images: np.ndarray, class_index: np.ndarray) -> HeatMaps:
    """How much each pixel would move the logit: the gradient's largest channel, without sign.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.

    Returns:
        Raw values, float32 [N,H,W]: logits per grey level, never below 0.
    """
    _, gradients = gradient(model, images, class_index, tap="input")
    return np.abs(gradients).max(axis=-1)
