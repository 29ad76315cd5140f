"""Weights read from the saved file: the same numbers, and one at a time."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from zoo.engine import artefact
from zoo.engine.export import bundle, reference, values
from zoo.engine.export.convert import convert


@pytest.fixture(scope="module")
def file(small, tmp_path_factory):
    name = "vgg11bn:width=0.0625+dense-bn:units=8"
    return artefact.save(small(name), tmp_path_factory.mktemp("saved") / "model.keras")


def test_every_weight_is_what_loading_gives(file):
    loaded = artefact.load(file)
    lean = artefact.load(file, values=False)

    assert values.reads(lean)
    with values.saved(lean, file) as numbers:
        for theirs, ours in zip(loaded.weights, lean.weights, strict=True):
            weight = numbers(ours)
            np.testing.assert_array_equal(weight.read(), np.asarray(theirs))
            assert weight.label == theirs.path


def test_the_same_answers_and_the_same_file(file, tmp_path):
    loaded = artefact.load(file)
    lean = artefact.load(file, values=False)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    convert(loaded, tmp_path / "loaded.onnx")

    with values.saved(lean, file) as numbers:
        convert(lean, tmp_path / "lean.onnx", values=numbers)
        given = reference.answers(lean, images, numbers)

    for name, array in reference.answers(loaded, images).items():
        np.testing.assert_allclose(given[name], array, rtol=0, atol=1e-5 * np.abs(array).max())
    assert bundle.sha256(tmp_path / "lean.onnx") == bundle.sha256(tmp_path / "loaded.onnx")


@pytest.mark.parametrize("count", [2, 60])
def test_a_model_that_is_asked_stays_empty(file, count):
    """Filled at random it would take its weights twice, and they are read from the file anyway."""
    lean = artefact.load(file, values=False)
    with values.saved(lean, file) as numbers:
        reference.answers(lean, np.zeros((count, 32, 32, 3), np.uint8), numbers)
    assert [each.path for each in lean.weights if each._value is not None] == []


def test_a_layer_that_loads_itself_is_loaded(classifier):
    assert not values.reads(classifier([keras.layers.Normalization(mean=0.0, variance=1.0)]))
