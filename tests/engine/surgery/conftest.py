"""A small network whose weights were put there, and pictures of noise to ask it about."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.engine.folder import Sample

SPEC = "vgg11:width=0.0625+dense:units=12:layers=2"
SIZE = 32


def trained(spec=SPEC, *, classes=("a", "b", "c"), seed=1, **options) -> keras.Model:
    """A model in which some units are dead and some hardly vary, as in trained networks."""
    model = zoo.build(spec, classes=list(classes), input_size=SIZE, seed=seed, **options)
    for layer in model.layers:
        if not layer.weights or layer.name == "logits" or "bn" in layer.name:
            continue
        kernel, bias = layer.get_weights()
        bias += np.linspace(0.0, 0.2, len(bias))
        bias[0] = -1e3  # dead behind its ReLU
        kernel[..., 1] *= 1e-6  # nearly constant
        layer.set_weights([kernel, bias])
    return model


@pytest.fixture(scope="package")
def model() -> keras.Model:
    return trained()


@pytest.fixture(scope="package")
def samples(tmp_path_factory) -> list[Sample]:
    root = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    found = []
    for number in range(20):
        grain = random.integers(0, 256, (8, 8, 3)).astype("uint8")
        path = root / f"{number:02d}.png"
        Image.fromarray(grain).resize((SIZE, SIZE), Image.Resampling.BILINEAR).save(path)
        found.append(Sample(path.name, path, 0, "train", 0))
    return found


@pytest.fixture(scope="package")
def images(samples) -> np.ndarray:
    return np.stack([np.asarray(Image.open(each.path)) for each in samples])
