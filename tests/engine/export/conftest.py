"""Models whose every number counts, and an onnxruntime to ask them in."""

from __future__ import annotations

import keras
import numpy as np
import onnxruntime
import pytest
from PIL import Image

import zoo
from zoo.engine import anatomy
from zoo.engine.export.convert import PLAIN, convert


def shaken(model: keras.Model) -> keras.Model:
    """The model with biases and statistics as after training, not zeros and ones."""
    random = np.random.default_rng(7)
    for variable in model.variables:
        if variable.dtype == "float32" and len(variable.shape) == 1:
            positive = variable.name in ("gamma", "moving_variance")
            low, high = (0.5, 1.5) if positive else (-0.5, 0.5)
            variable.assign(random.uniform(low, high, variable.shape))
    return model


def classifier(layers, size=(12, 10), classes=5):
    """A flat model out of a chain of layers or functions, ending as zoo's models do."""
    image = x = keras.Input((*size, 3), name="image", dtype="float32")
    x = keras.layers.Rescaling(1 / 64, offset=-2.0, name="normalize")(x)
    for layer in layers:
        x = layer(x)
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(classes, name="logits")(x)
    return shaken(keras.Model(image, keras.layers.Activation("softmax", name="probabilities")(x)))


def pictures(model, count=3):
    shape = (count, *model.input.shape[1:])
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


@pytest.fixture(name="classifier")
def _classifier():
    """See `classifier`."""
    return classifier


@pytest.fixture(name="shaken")
def _shaken():
    """See `shaken`."""
    return shaken


@pytest.fixture(name="pictures")
def _pictures():
    """See `pictures`."""
    return pictures


@pytest.fixture
def agree(tmp_path):
    """Convert a model, compare its answers with Keras', and give the ONNX graph."""

    def agree(model, interface=PLAIN):
        path = tmp_path / "model.onnx"
        proto, _ = convert(model, path, interface)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        network = keras.Model(model.input, [model.output, anatomy.logits_tensor(model)])
        for count in (1, 3, 8):
            images = pictures(model, count)
            # The model itself is asked, layer by layer, without any of our rewriting.
            expected = [np.asarray(t) for t in network(images.astype("float32"), training=False)]
            fed = images.astype(interface.dtype)
            if interface.layout == "nchw":
                fed = fed.transpose(0, 3, 1, 2)
            probabilities, logits = session.run(["probabilities", "logits"], {"image": fed})
            # A softmax or sigmoid moves no more than its logits do.
            tolerance = 1e-5 * max(1, np.abs(expected[1]).max())
            np.testing.assert_allclose(logits, expected[1], rtol=0, atol=tolerance)
            np.testing.assert_allclose(probabilities, expected[0], rtol=0, atol=tolerance)
        return proto.graph

    return agree


@pytest.fixture(scope="session")
def small():
    """A small model of zoo's own, by name."""
    built = {}

    def small(name="small-cnn:width=0.125+linear", size=32, classes=4):
        key = (name, size, classes)
        if key not in built:
            built[key] = shaken(zoo.build(name, classes=classes, input_size=size, seed=1))
        return built[key]

    return small


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    """A picture file that is not square."""
    path = tmp_path_factory.mktemp("pictures") / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path
