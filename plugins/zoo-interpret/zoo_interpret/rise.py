"""RISE: Petsiuk et al., arXiv:1806.07421."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.api import HeatMaps, masked_scores

if TYPE_CHECKING:
    import keras


CHUNK = 128
"""Masks that are held at once."""


def rise(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    masks: int = 1000,
    cells: int = 8,
    keep: float = 0.5,
    score: Literal["probability", "logit"] = "probability",
    baseline: Literal["mean", "black", "blur"] = "mean",
    seed: int = 0,
) -> HeatMaps:
    """Where pictures that are randomly hidden score well: the mean mask, weighted by the score.

    Needs nothing of the model but its answers. The noise of the map falls with the root of the
    number of masks; the paper takes 4,000 to 8,000.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        masks: How many random masks, a forward pass each.
        cells: Cells along a mask's height and width, before it is enlarged and shifted.
        keep: Chance that a cell is kept, from 0 to 1.
        score: What weights a mask.
        baseline: What hidden places become.
        seed: Decides the masks, which are the same for every picture.

    Returns:
        Raw values, float32 [N,H,W]: the expected score where a pixel is kept.
    """
    draws = np.random.default_rng(seed)
    total = np.zeros(images.shape[:3])
    for start in range(0, masks, CHUNK):
        chunk = _masks(draws, min(CHUNK, masks - start), cells, keep, images.shape[1:3])
        seen = masked_scores(model, images, chunk, class_index, baseline=baseline, of=score)
        total += np.einsum("nm,mhw->nhw", seen.astype(np.float64), chunk)
    return (total / (masks * keep)).astype(np.float32)


def _masks(
    draws: np.random.Generator, count: int, cells: int, keep: float, size: tuple[int, int]
) -> np.ndarray:
    """Random grids, a cell too large on each side, enlarged and cut out at a random shift."""
    grids = (draws.random((count, cells + 1, cells + 1)) < keep).astype(np.float32)
    shifts = draws.random((count, 2))
    drawn = np.empty((count, *size), np.float32)
    for index, (grid, shift) in enumerate(zip(grids, shifts, strict=True)):
        rows, columns = (
            _between(extent, cells, part) for extent, part in zip(size, shift, strict=True)
        )
        drawn[index] = rows @ grid @ columns.T
    return drawn


def _between(extent: int, cells: int, shift: float) -> np.ndarray:
    """Weights of bilinear interpolation along a side, [extent, cells + 1]."""
    at = (np.arange(extent) + 0.5) * cells / extent + shift - 0.5
    at = np.clip(at, 0, cells)
    low = np.minimum(at.astype(int), cells - 1)
    weights = np.zeros((extent, cells + 1), np.float32)
    weights[np.arange(extent), low] = 1 - (at - low)
    weights[np.arange(extent), low + 1] = at - low
    return weights
