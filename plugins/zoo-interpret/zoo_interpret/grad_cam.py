"""Grad-CAM: Selvaraju et al., arXiv:1610.02391."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def grad_cam(
    model: keras.Model, images: np.ndarray, class_index: np.ndarray, *, tap: str = "last"
) -> HeatMaps:
    """Where a class is seen: a tap's maps, each weighted by its mean gradient, then ReLU.

    The map is as coarse as the tap. Behind a head that pools by average it is exactly the class
    activation map; behind a head that flattens, the mean over places is an approximation.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        tap: Which map is weighted: a tap's or a layer's name; `last` enters the head.

    Returns:
        Raw values, float32 [N,h,w], never below 0. All zero where nothing speaks for the class.
    """
    activations, gradients = gradient(model, images, class_index, tap=tap)
    weights = gradients.mean(axis=(1, 2))
    signed = np.einsum("nhwc,nc->nhw", activations, weights)
    return np.maximum(signed, 0)
