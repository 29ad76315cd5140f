"""Grad-CAM++: Chattopadhyay et al., arXiv:1710.11063."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def grad_cam_plus_plus(
    model: keras.Model, images: np.ndarray, class_index: np.ndarray, *, tap: str = "last"
) -> HeatMaps:
    """Grad-CAM++, which also shows the smaller of several things of a class.

    A map's weight is the sum of its positive gradients g, each by its share
    a = g^2 / (2 g^2 + g^3 sum A): the second and third derivatives of exp(logit), whose common
    factor is dropped. Where g is 0, a is 0; nothing is added to the denominator.

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
    total = activations.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
    # Divided by g^2 above and below. Maps that can be negative bring the denominator to 0.
    below = 2 + gradients * total
    useful = (gradients > 0) & (below > 1e-7)
    weights = np.where(useful, gradients / np.where(useful, below, 1), 0).sum(axis=(1, 2))
    signed = np.einsum("nhwc,nc->nhw", activations, weights)
    return np.maximum(signed, 0).astype(np.float32)
