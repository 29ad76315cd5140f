"""HiRes-CAM: Draelos and Carin, arXiv:2011.08891."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def hires_cam(
    model: keras.Model, images: np.ndarray, class_index: np.ndarray, *, tap: str = "last"
) -> HeatMaps:
    """Where a class is seen, place by place: a tap's maps times their gradient, then ReLU.

    Before the ReLU the values add up to the logit without its bias wherever the head is linear in
    the tap, flattening heads included; averaging gradients, as Grad-CAM does, loses that.

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
    return np.maximum((activations * gradients).sum(axis=-1), 0)
