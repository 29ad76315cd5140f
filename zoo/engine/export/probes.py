"""Pictures to ask both models about: hard cases drawn by rule, and real photographs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.engine import folder, picture
from zoo.engine.run import Run
from zoo.errors import DataError

REAL = 8
"""Real pictures in a set."""

# A photograph whole, its left and its middle as upright strips, and a quarter of it: top, left,
# bottom, right as shares of its sides.
CROPS = ((0, 0, 1, 1), (0, 0, 1, 0.4), (0, 0.3, 1, 0.6), (0.5, 0.5, 1, 1))


def probes(size: tuple[int, int], real: Sequence[np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Twelve pictures of a model's input size.

    Args:
        size: Height and width.
        real: Eight real pictures of that size, uint8 [H, W, 3].

    Returns:
        Their names, and the pictures, uint8 [12, H, W, 3]: a ramp, zeros, noise, white, then the
        real ones.
    """
    height, width = size
    down, right = np.meshgrid(
        np.linspace(0, 255, height), np.linspace(0, 255, width), indexing="ij"
    )
    drawn = {
        "ramp": np.stack([down, right, (down + right) / 2], axis=-1),
        "zeros": np.zeros((height, width, 3)),
        "noise": np.random.default_rng(0).integers(0, 256, (height, width, 3)),
        "white": np.full((height, width, 3), 255),
    }
    names = [*drawn, *(f"real-{index + 1}" for index in range(len(real)))]
    return names, np.stack([*(array.astype(np.uint8) for array in drawn.values()), *real])


def from_run(run: Run) -> list[np.ndarray] | None:
    """Pictures held out from a run's training, spread evenly, or None if out of reach."""
    try:
        data = folder.read(run.data, seed=run.seed)
        samples = data.split("test") or data.split("val")
        chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, REAL).astype(int)]
        return [picture.load(sample.path, run.input_size, run.preprocessing) for sample in chosen]
    except DataError:
        return None


def photographs(size: tuple[int, int]) -> list[np.ndarray]:
    """Crops of the two photographs that come with scikit-learn, stretched to a size."""
    # Found without importing scikit-learn, which takes a second.
    spec = importlib.util.find_spec("sklearn")
    images = Path(spec.submodule_search_locations[0]) / "datasets" / "images"
    found = []
    for name in ("china.jpg", "flower.jpg"):
        pixels = picture.read(images / name)
        height, width = pixels.shape[:2]
        for top, left, bottom, right in CROPS:
            rows = slice(int(top * height), int(bottom * height))
            columns = slice(int(left * width), int(right * width))
            found.append(picture.fit(pixels[rows, columns], size))
    return found
