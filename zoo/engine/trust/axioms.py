"""What the values of a map promise: to add up, to foretell what hiding does, to stay the same."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from zoo.engine import answer
from zoo.engine.baseline import Baseline, neutral
from zoo.engine.heatmap import enlarge

PERTURBATIONS = 64
RADIUS = 5.0
"""Grey levels by which a picture is disturbed: hardly to be seen."""

DRAWS = 4


def incompleteness(
    model: keras.Model,
    images: np.ndarray,
    index: np.ndarray,
    heat: np.ndarray,
    baseline: Baseline = "mean",
) -> np.ndarray:
    """How far a map's sum is from what the picture adds to the logit over the baseline.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        index: The class of each picture, integers [N].
        heat: Its map in logits, [N,H,W].
        baseline: What the map was made against.

    Returns:
        The difference in units of what pictures add on average, [N]; 0 is complete.
    """
    ground = neutral(model, images, baseline)
    added = answer.scores(model, images, index) - answer.scores(model, ground, index)
    return np.abs(heat.sum((1, 2), dtype=np.float64) - added) / max(np.abs(added).mean(), 1e-12)


def infidelity(
    model: keras.Model,
    images: np.ndarray,
    index: np.ndarray,
    heat: np.ndarray,
    *,
    perturbations: int = PERTURBATIONS,
    seed: int = 0,
) -> np.ndarray:
    """How badly a map foretells by how much the logit falls when a square is hidden.

    Yeh et al., arXiv:1901.09392, with the best scale for each map, as a map that is right but for
    its unit would look bad else; and in units of what there is to foretell.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        index: The class of each picture, integers [N].
        heat: Its map, [N,h,w].
        perturbations: How many squares, the same for each picture.
        seed: Decides the squares.

    Returns:
        0 for a map that foretells everything, 1 for one that foretells nothing, [N].
    """
    hidden = _squares(images.shape[1:3], perturbations, seed)
    whole = answer.scores(model, images, index)
    falls = whole[:, None] - answer.masked_scores(model, images, 1 - hidden, index)
    values = []
    for own, fall in zip(heat, falls.astype(np.float64), strict=True):
        told = np.einsum("mhw,hw->m", hidden, enlarge(own, images.shape[1:3]), dtype=np.float64)
        along = float(told @ fall)
        there = float(told @ told) * float(fall @ fall)
        values.append(1 - along**2 / there if along > 0 and there > 0 else 1.0)
    return np.array(values)


def sensitivity(
    maps: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    heat: np.ndarray,
    *,
    radius: float = RADIUS,
    draws: int = DRAWS,
    seed: int = 0,
) -> np.ndarray:
    """How much a map can change when the picture hardly does: Yeh et al., arXiv:1901.09392.

    Args:
        maps: Makes maps of pictures.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        heat: Their maps, [N,h,w].
        radius: Grey levels by which each value is disturbed at most.
        draws: How many disturbances; the worst counts.
        seed: Decides them.

    Returns:
        The largest change in units of the map's own norm, [N]; 0 is steady.
    """
    random = np.random.default_rng(seed)
    norm = np.maximum(np.linalg.norm(heat.reshape(len(heat), -1), axis=1), 1e-12)
    worst = np.zeros(len(images))
    for _ in range(draws):
        step = random.uniform(-radius, radius, images.shape[1:]).astype(np.float32)
        moved = maps(np.clip(images + step, 0, 255)) - heat
        change = np.linalg.norm(moved.reshape(len(heat), -1), axis=1) / norm
        worst = np.maximum(worst, change)
    return worst


def _squares(size: tuple[int, int], count: int, seed: int) -> np.ndarray:
    """Squares of a tenth to four tenths of the picture, at random places, float32 [M,H,W]."""
    random = np.random.default_rng(seed)
    height, width = size
    masks = np.zeros((count, height, width), np.float32)
    for mask in masks:
        share = random.uniform(0.1, 0.4)
        down, across = max(1, round(share * height)), max(1, round(share * width))
        top = random.integers(0, height - down + 1)
        left = random.integers(0, width - across + 1)
        mask[top : top + down, left : left + across] = 1
    return masks
