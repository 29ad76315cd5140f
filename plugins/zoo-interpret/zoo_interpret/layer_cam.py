"""Layer-CAM: Jiang et al., IEEE Transactions on Image Processing 30 (2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def layer_cam(
    model: keras.Model, images: np.ndarray, class_index: np.ndarray, *, tap: str = "last"
) -> HeatMaps:
    """A tap's maps times the positive part of their gradient; fit for early, finer taps.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        tap: Which map is weighted: a tap's or a layer's name; `last` enters the head.

    Returns:
        Raw values, float32 [N,h,w], never below 0.
    """
    activations, gradients = gradient(model, images, class_index, tap=tap)
    return np.maximum((activations * np.maximum(gradients, 0)).sum(axis=-1), 0)
