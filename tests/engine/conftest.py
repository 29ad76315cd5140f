"""A model whose answers can be worked out by hand, and pictures to ask it about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    import keras

COLOURS = ("blue", "green", "red")
CHANNEL = {"red": 0, "green": 1, "blue": 2}


@pytest.fixture(scope="session")
def colour_model() -> keras.Model:
    """Softmax over the mean of each channel, divided by 100: a picture's class is its colour."""
    import keras

    from zoo.engine.anatomy import Anatomy

    image = keras.Input((8, 8, 3), name="image", dtype="float32")
    scaled = keras.layers.Rescaling(0.01, name="normalize")(image)
    same = keras.layers.Conv2D(3, 1, use_bias=False, name="same")
    mean = keras.layers.GlobalAveragePooling2D(name="pool")(same(scaled))
    dense = keras.layers.Dense(3, use_bias=False, name="logits")
    probabilities = keras.layers.Activation("softmax", name="probabilities")(dense(mean))
    model = keras.Model(image, probabilities, name="colours")
    kernel = np.zeros((3, 3), "float32")
    for index, colour in enumerate(COLOURS):
        kernel[CHANNEL[colour], index] = 1.0
    dense.set_weights([kernel])
    same.set_weights([np.eye(3).reshape(1, 1, 3, 3)])
    model.zoo_anatomy = Anatomy(
        spec="colour+mean",
        taps={"stage1": "same"},
        classes=COLOURS,
        input_size=(8, 8),
        normalization={"order": "rgb", "mean": [0.0] * 3, "std": [1.0] * 3, "scale": 100.0},
    )
    return model


def colour_answer(pixel: tuple[int, int, int]) -> dict[str, float]:
    """What the colour model must say of a picture of one colour."""
    scores = {name: np.exp(pixel[CHANNEL[name]] / 100) for name in COLOURS}
    total = sum(scores.values())
    return {name: float(score / total) for name, score in scores.items()}


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Pictures under test/: two of each colour, and a blue one filed under red."""
    root = tmp_path / "colours"
    pixels = {
        "train/red/0.png": (200, 0, 0),
        "train/green/0.png": (0, 200, 0),
        "train/blue/0.png": (0, 0, 200),
        "val/red/0.png": (220, 0, 0),
        "val/green/0.png": (0, 220, 0),
        "val/blue/0.png": (0, 0, 220),
        "test/red/0.png": (250, 0, 0),
        "test/red/1.png": (0, 0, 250),
        "test/red/2.png": (120, 60, 0),
        "test/green/0.png": (0, 250, 0),
        "test/green/1.png": (60, 120, 60),
        "test/blue/0.png": (0, 0, 250),
        "test/blue/1.png": (0, 60, 120),
    }
    for name, pixel in pixels.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), pixel).save(path)
    return root


@pytest.fixture
def answer():
    """See `colour_answer`."""
    return colour_answer
