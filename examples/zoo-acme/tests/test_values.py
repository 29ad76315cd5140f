"""What the kit cannot know: that the numbers are the right ones, worked out another way."""

import keras
import numpy as np
import pytest
from acme_zoo import litert
from acme_zoo.gem import gem
from acme_zoo.occlusion import occlusion
from acme_zoo.tilt import tilt

import zoo
from zoo.api import ExplainError, Fill, Flip, Rotate, Shear


def test_squeeze_has_the_parameters_of_the_paper():
    # SqueezeNet 1.1 without its classifier, as torchvision counts it: 1,235,496 - 513,000.
    model = zoo.build("acme/squeeze+linear", classes=2, input_size=64)
    head = model.get_layer("logits").count_params()
    assert model.count_params() - head == 722_496


def test_gem_is_the_dense_layer_of_normalised_mean_squares():
    features = keras.Input((4, 5, 3))
    model = keras.Model(features, gem({"last": features}, 2))
    maps = np.random.default_rng(0).normal(size=(6, 4, 5, 3)).astype("float32")
    pooled = (maps**2).mean(axis=(1, 2)) + 1e-6
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(
        model.predict(maps, verbose=0), pooled @ kernel + bias, rtol=1e-4, atol=1e-5
    )


def test_tilt_hands_its_options_to_its_transforms():
    assert tilt(shear=5.0, rotation=3.0, flip=False) == [
        Shear(5.0),
        Rotate(3.0),
        Flip("horizontal", probability=0.0),
        Fill("nearest"),
    ]


def _sum_of_red():
    """A model whose logits are the sum of red, and its negative."""
    image = keras.Input((8, 8, 3), name="image")
    mean = keras.layers.GlobalAveragePooling2D()(image)
    logits = keras.layers.Dense(2, use_bias=False, name="logits")
    model = keras.Model(image, keras.layers.Activation("softmax")(logits(mean)))
    logits.set_weights([np.array([[64.0, -64.0], [0, 0], [0, 0]], np.float32)])
    return model


def test_on_a_sum_of_pixels_occlusion_is_what_each_place_adds():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    maps = occlusion(_sum_of_red(), pictures, np.array([0, 1]), grid=4)
    places = (pictures[..., 0] - 128).reshape(2, 4, 2, 4, 2).sum(axis=(2, 4))
    np.testing.assert_allclose(maps[0], places[0], rtol=1e-4, atol=0.1)
    np.testing.assert_allclose(maps[1], -places[1], rtol=1e-4, atol=0.1)


@pytest.mark.parametrize("grid", [1, 33])
def test_occlusion_refuses_a_grid_that_says_nothing(grid):
    with pytest.raises(ExplainError, match=rf"^occlusion takes a grid of 2 to 32, received {grid}"):
        occlusion(_sum_of_red(), np.zeros((1, 8, 8, 3)), np.array([0]), grid=grid)


def test_litert_answers_as_keras_does(tmp_path):
    # With random weights a black picture gives a map of zeros.
    model = zoo.build("acme/squeeze:width=0.125+acme/gem", classes=3, input_size=32, seed=1)
    facts = zoo.export(model, tmp_path / "phone", format="litert")
    assert list(facts["files"]) == [litert.FILE]
    assert facts["parity"]["top1_agreement"] == 1
