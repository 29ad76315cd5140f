"""Input times gradient: Shrikumar et al., arXiv:1605.01713."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.api import HeatMaps, gradient, neutral

if TYPE_CHECKING:
    import keras


def input_x_gradient(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    baseline: Literal["mean", "black", "blur"] = "mean",
) -> HeatMaps:
    """What each pixel adds to the logit, to first order: gradient times distance from nothing.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        baseline: What counts as nothing. `mean` is what the model's normalisation maps to zero.

    Returns:
        Raw values, float32 [N,H,W]: logits; negative speaks against the class.
    """
    _, gradients = gradient(model, images, class_index, tap="input")
    return ((images - neutral(model, images, baseline)) * gradients).sum(axis=-1)
