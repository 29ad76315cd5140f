"""Integrated gradients: Sundararajan et al., arXiv:1703.01365."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.api import HeatMaps, gradient, neutral

if TYPE_CHECKING:
    import keras


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    steps: int = 64,
    baseline: Literal["mean", "black", "blur"] = "mean",
) -> HeatMaps:
    """What each pixel adds to the logit on the way from nothing to the picture.

    The values add up to the logit of the picture less that of the baseline. Gradients are taken
    at the middle of each step: at its ends, the kink that ReLUs have at the baseline would be one
    of the points, and the sum off by 1 / (2 steps).

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        steps: How many steps the way has.
        baseline: Where the way begins. `mean` is what the model's normalisation maps to zero.

    Returns:
        Raw values, float32 [N,H,W]: logits; negative speaks against the class.
    """
    start = neutral(model, images, baseline)
    way = images - start
    total = np.zeros(way.shape, np.float64)
    for step in range(steps):
        at = start + (step + 0.5) / steps * way
        total += gradient(model, at, class_index, tap="input")[1]
    return (way * total / steps).sum(axis=-1).astype(np.float32)
