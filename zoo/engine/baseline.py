"""What counts as nothing in a picture: the colour to compare with, and to hide by."""

from __future__ import annotations

from typing import Literal, TypeAlias

import keras
import numpy as np
from PIL import Image, ImageFilter

from zoo.engine import subject

Baseline: TypeAlias = Literal["mean", "black", "blur"]

BLUR = 0.05
"""Deviation of the blur, in units of the picture's longer side."""


def neutral(model: keras.Model, images: np.ndarray, baseline: Baseline = "mean") -> np.ndarray:
    """Pictures that hold nothing, to compare with or to hide by.

    Args:
        model: A classifier.
        images: RGB pictures, 0..255, [N,H,W,3].
        baseline: `mean`, the colour that the model's normalisation maps to zero; `black`; or
            `blur`, the picture itself without its details.

    Returns:
        RGB 0..255, float32 [N,H,W,3].
    """
    images = np.asarray(images, np.float32)
    if baseline == "black":
        return np.zeros_like(images)
    if baseline == "blur":
        return np.stack([_blurred(each) for each in images])
    colour = np.asarray(subject.of(model).neutral, np.float32)
    return np.broadcast_to(colour, images.shape)


def _blurred(picture: np.ndarray) -> np.ndarray:
    blur = ImageFilter.GaussianBlur(BLUR * max(picture.shape[:2]))
    image = Image.fromarray(np.clip(np.round(picture), 0, 255).astype(np.uint8))
    return np.asarray(image.filter(blur), np.float32)
