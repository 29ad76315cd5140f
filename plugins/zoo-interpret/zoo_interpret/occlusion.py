"""Occlusion: Zeiler and Fergus, arXiv:1311.2901."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.api import HeatMaps, masked_scores, scores

if TYPE_CHECKING:
    import keras


def occlusion(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    patch: float = 0.25,
    stride: float = 0.0625,
    score: Literal["logit", "probability"] = "logit",
    baseline: Literal["mean", "black", "blur"] = "mean",
) -> HeatMaps:
    """How far the score falls when a patch is hidden, averaged over the patches at each pixel.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        patch: Height and width of a patch, as a share of the picture's, from 0 to 1.
        stride: From one patch to the next, as a share of the picture's height and width.
        score: What falls.
        baseline: What hidden places become.

    Returns:
        Raw values, float32 [N,H,W]: logits, or probabilities; negative speaks against the class.
    """
    height, width = images.shape[1:3]
    rows = list(_patches(height, patch, stride))
    columns = list(_patches(width, patch, stride))
    masks = np.ones((len(rows), len(columns), height, width), np.float32)
    for row, down in enumerate(rows):
        for column, across in enumerate(columns):
            masks[row, column, down, across] = 0
    masks = masks.reshape(-1, height, width)
    whole = scores(model, images, class_index, of=score)
    seen = masked_scores(model, images, masks, class_index, baseline=baseline, of=score)
    hidden = 1 - masks
    falls = np.einsum("nm,mhw->nhw", whole[:, None] - seen, hidden)
    return falls / np.maximum(hidden.sum(axis=0), 1)


def _patches(extent: int, patch: float, stride: float) -> Iterator[slice]:
    """Where the patches lie along a side; the last one ends with the picture."""
    size = min(max(1, round(patch * extent)), extent)
    step = max(1, round(stride * extent))
    starts = list(range(0, extent - size, step))
    for start in [*starts, extent - size]:
        yield slice(start, start + size)
