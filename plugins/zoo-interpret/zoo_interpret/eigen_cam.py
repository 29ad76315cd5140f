"""Eigen-CAM: Muhammad and Yeasin, arXiv:2008.00299."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, activations

if TYPE_CHECKING:
    import keras


def eigen_cam(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    tap: str = "last",
    center: bool = False,
) -> HeatMaps:
    """What stands out in a tap, whatever the class: its maps on their first singular vector.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        tap: Which map is projected: a tap's or a layer's name; `last` enters the head.
        center: Subtract each channel's mean first, as principal components do.

    Returns:
        Raw values, float32 [N,h,w]. The sign, which a singular vector leaves open, is that of the
        larger sum. Negative values are what the vector speaks against.
    """
    maps = activations(model, images, tap=tap)
    places = maps.reshape(len(maps), -1, maps.shape[-1]).astype(np.float64)
    if center:
        places = places - places.mean(axis=1, keepdims=True)
    # Of places x places there are far fewer numbers than of channels, at the taps that matter.
    values, vectors = np.linalg.eigh(places @ places.transpose(0, 2, 1))
    first = vectors[:, :, -1] * np.sqrt(np.maximum(values[:, -1:], 0))
    # The mean of centred maps is 0; then the heavier side decides.
    weight = (first**3).sum(axis=1, keepdims=True) if center else first.sum(axis=1, keepdims=True)
    return (first * np.where(weight < 0, -1, 1)).reshape(maps.shape[:3]).astype(np.float32)
