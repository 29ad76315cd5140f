"""ZCA: the matrix that makes pixels uncorrelated, and pictures still look like themselves."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from zoo import atomic
from zoo.errors import PolicyError

LARGEST = 64 * 64 * 3
"""Numbers of a picture; the matrix has their square, 0.6 GB."""


def fit(images: np.ndarray, epsilon: float = 1e-6) -> np.ndarray:
    """The whitening matrix of a data set, as Keras's ImageDataGenerator computes it.

    Args:
        images: Pictures with the data set's mean subtracted, [N,H,W,3].
        epsilon: Added to the singular values before they are inverted.

    Returns:
        float32 [d,d] with d = 3 H W; a picture as a row is multiplied by it from the right.

    Raises:
        PolicyError: The pictures are too large.
    """
    _fits(images.shape[1:])
    flat = images.reshape(len(images), -1).astype(np.float64)
    u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
    return ((u * (np.sqrt(len(flat)) / (s + epsilon))) @ u.T).astype(np.float32)


def save(path: str | Path, matrix: np.ndarray) -> None:
    """Write a whitening matrix, beside and renamed: FILE.npz."""
    with atomic.replacing(Path(path)) as beside, beside.open("wb") as file:
        np.savez(file, matrix=matrix)


@lru_cache(maxsize=2)
def load(path: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read a whitening matrix for pictures of a shape.

    Raises:
        PolicyError: The file cannot be read, or is of pictures of another size.
    """
    _fits(shape)
    try:
        with np.load(path, allow_pickle=False) as stored:
            matrix = stored["matrix"]
    except (OSError, ValueError, KeyError) as error:
        raise PolicyError(
            f"{path} holds no whitening matrix: {error}",
            hint="zoo.engine.augment.whitening.save writes one",
        ) from None
    numbers = int(np.prod(shape))
    if matrix.shape != (numbers, numbers):
        raise PolicyError(
            f"the whitening matrix of {path} is for pictures of {len(matrix)} numbers, these have "
            f"{numbers}"
        )
    return matrix.astype(np.float32)


def _fits(shape: tuple[int, ...]) -> None:
    if np.prod(shape) > LARGEST:
        raise PolicyError(
            f"whitening takes pictures of up to 64x64 pixels, received {shape[0]}x{shape[1]}",
            hint="its matrix grows with the fourth power of the side",
        )
