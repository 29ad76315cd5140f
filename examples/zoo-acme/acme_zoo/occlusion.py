"""Occlusion: Zeiler and Fergus, arXiv:1311.2901, section 4.2."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import keras
import numpy as np

from zoo.api import ExplainError, HeatMaps

if TYPE_CHECKING:
    from collections.abc import Iterator

GREY = 128.0


def occlusion(
    model: keras.Model, images: np.ndarray, class_index: np.ndarray, *, grid: int = 8
) -> HeatMaps:
    """How much the class's logit loses when a grey square covers each place in turn.

    It needs no gradient, and asks the model once a place: grid x grid times.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N].
        grid: Places along each side, 2 to 32.

    Returns:
        Raw values, float32 [N,grid,grid]: positive where the class is seen.

    Raises:
        ExplainError: The grid is too coarse or too fine.
    """
    if not 2 <= grid <= 32:
        raise ExplainError(f"occlusion takes a grid of 2 to 32, received {grid}")
    images = np.asarray(images, np.float32)
    logits = keras.Function(model.inputs, model.get_layer("logits").output)
    rows = np.arange(len(images))

    def score(pictures: np.ndarray) -> np.ndarray:
        values = keras.ops.convert_to_numpy(logits([pictures]))
        if values.shape[1] == 1:  # one sigmoid unit: it speaks for class 1 and against class 0
            return np.where(np.asarray(class_index) == 1, values[:, 0], -values[:, 0])
        return values[rows, class_index]

    whole = score(images)
    losses = [whole - score(covered) for covered in _covered(images, grid)]
    return np.stack(losses, axis=1).reshape(-1, grid, grid).astype(np.float32)


def _covered(images: np.ndarray, grid: int) -> Iterator[np.ndarray]:
    """The pictures with each place covered in turn, row by row."""
    height, width = images.shape[1:3]
    down = np.linspace(0, height, grid + 1).round().astype(int)
    right = np.linspace(0, width, grid + 1).round().astype(int)
    for top, bottom in pairwise(down):
        for left, end in pairwise(right):
            copy = images.copy()
            copy[:, top:bottom, left:end] = GREY
            yield copy
