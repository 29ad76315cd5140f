"""Ablation-CAM: Desai and Ramaswamy, WACV 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, ablated_scores, activations, scores

if TYPE_CHECKING:
    import keras


def ablation_cam(
    model: keras.Model, images: np.ndarray, class_index: np.ndarray, *, tap: str = "last"
) -> HeatMaps:
    """A tap's maps, each weighted by how far the logit falls without it, then ReLU.

    The paper divides each fall by the logit, one factor for all maps of a picture, which turns the
    map over where the logit is negative; it is left out.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        tap: Which map is weighted: a tap's or a layer's name; `last` enters the head.

    Returns:
        Raw values, float32 [N,h,w], never below 0.
    """
    whole = scores(model, images, class_index)
    falls = whole[:, None] - ablated_scores(model, images, class_index, tap=tap)
    signed = np.einsum("nhwc,nc->nhw", activations(model, images, tap=tap), falls)
    return np.maximum(signed, 0)
