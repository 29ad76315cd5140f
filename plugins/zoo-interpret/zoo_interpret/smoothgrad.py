"""SmoothGrad: Smilkov et al., arXiv:1706.03825; VarGrad: Adebayo et al., arXiv:1810.03307."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.api import HeatMaps, gradient

if TYPE_CHECKING:
    import keras


def smoothgrad(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
) -> HeatMaps:
    """Saliency without its grain: the mean gradient over noisy copies of the picture.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        samples: How many copies.
        noise: Deviation of the noise, in units of the picture's range from darkest to lightest.
        seed: Decides the noise, which is the same for every picture.

    Returns:
        Raw values, float32 [N,H,W]: logits per grey level, never below 0.
    """
    mean, _ = _moments(model, images, class_index, samples, noise, seed)
    return np.abs(mean).max(axis=-1).astype(np.float32)


def vargrad(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    *,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
) -> HeatMaps:
    """How much the gradient changes over noisy copies of the picture: its variance.

    Args:
        model: The classifier.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class explained in each picture, integers [N]; [N,2] for the lead of the
            first over the second.
        samples: How many copies.
        noise: Deviation of the noise, in units of the picture's range from darkest to lightest.
        seed: Decides the noise, which is the same for every picture.

    Returns:
        Raw values, float32 [N,H,W], never below 0.
    """
    mean, square = _moments(model, images, class_index, samples, noise, seed)
    return np.maximum(square - mean**2, 0).max(axis=-1).astype(np.float32)


def _moments(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray,
    samples: int,
    noise: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the gradients over noisy copies, and of their squares, [N,H,W,3]."""
    images = np.asarray(images, np.float32)
    spread = noise * np.ptp(images, axis=(1, 2, 3), keepdims=True)
    draws = np.random.default_rng(seed)
    mean, square = np.zeros((2, *images.shape))
    for _ in range(samples):
        grain = draws.standard_normal(images.shape[1:], dtype=np.float32)
        slope = gradient(model, images + spread * grain, class_index, tap="input")[1]
        mean += slope / samples
        square += slope.astype(np.float64) ** 2 / samples
    return mean, square
