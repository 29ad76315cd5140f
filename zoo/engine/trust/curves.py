"""Deletion and insertion: hide, or show, the pixels that a map holds for the most important.

Petsiuk et al., arXiv:1806.07421. The area under the curve of the class's probability, from nothing
to everything: low for deletion and high for insertion where the map is right.
"""

from __future__ import annotations

import keras
import numpy as np

from zoo.engine import answer
from zoo.engine.heatmap import enlarge

STEPS = 20


def deletion(
    model: keras.Model, images: np.ndarray, index: np.ndarray, heat: np.ndarray, steps: int = STEPS
) -> np.ndarray:
    """Hide the hottest pixels first, behind the mean colour.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        index: The class of each picture, integers [N].
        heat: Its map, [N,h,w].
        steps: Points of the curve.

    Returns:
        Area under the curve, 0 to 1, [N].
    """
    return _areas(model, images, index, heat, steps, hide=True)


def insertion(
    model: keras.Model, images: np.ndarray, index: np.ndarray, heat: np.ndarray, steps: int = STEPS
) -> np.ndarray:
    """Show the hottest pixels first, on the blurred picture; as `deletion`."""
    return _areas(model, images, index, heat, steps, hide=False)


def _areas(
    model: keras.Model,
    images: np.ndarray,
    index: np.ndarray,
    heat: np.ndarray,
    steps: int,
    hide: bool,
) -> np.ndarray:
    shares = np.linspace(0, 1, steps + 1)
    areas = []
    for row in range(len(images)):
        rank = _ranks(enlarge(heat[row], images.shape[1:3]))
        hot = rank[None] < shares[:, None, None]
        masks = (~hot if hide else hot).astype(np.float32)
        here = slice(row, row + 1)
        baseline = "mean" if hide else "blur"
        curve = answer.masked_scores(
            model, images[here], masks, index[here], baseline=baseline, of="probability"
        )
        areas.append(np.trapezoid(curve[0], shares))
    return np.array(areas)


def _ranks(heat: np.ndarray) -> np.ndarray:
    """The share of pixels that are hotter, 0 for the hottest; ties fall at random."""
    noise = np.random.default_rng(0).random(heat.size)
    order = np.lexsort((noise, -heat.ravel()))
    rank = np.empty(heat.size)
    rank[order] = np.arange(heat.size) / heat.size
    return rank.reshape(heat.shape)
