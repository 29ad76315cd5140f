"""Class maps as an output: equal to Grad-CAM, which gets there by a gradient."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from zoo_interpret.grad_cam import grad_cam

import zoo
from zoo.engine.cam import with_class_maps
from zoo.errors import ExplainError


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("head", ["linear", "linear:dropout=0.5"])
def test_what_is_positive_is_grad_cam(head, tmp_path):
    model = zoo.build(f"small-cnn:width=0.2+{head}", classes=3, input_size=32, seed=0)
    both = with_class_maps(model)
    probabilities, maps = (np.asarray(each) for each in both.predict(pictures(), verbose=0))
    np.testing.assert_array_equal(probabilities, model.predict(pictures(), verbose=0))
    for index in range(3):
        heat = grad_cam(model, pictures(), np.full(3, index))
        np.testing.assert_allclose(
            np.maximum(maps[..., index], 0), heat, atol=1e-6 * np.abs(maps).max()
        )
    both.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_allclose(again.predict(pictures(), verbose=0)[1], maps, rtol=1e-6)
    model.save(tmp_path / "model.keras")  # the model itself is as it was
    assert len(keras.models.load_model(tmp_path / "model.keras").outputs) == 1


def test_the_maps_add_up_to_the_logits():
    model = zoo.build("small-cnn:width=0.2+linear", classes=1, input_size=32, seed=0)
    bias = model.get_layer("logits").bias
    bias.assign([0.7])
    maps = with_class_maps(model).predict(pictures(), verbose=0)[1]
    logits = keras.Function(model.inputs, model.get_layer("logits").output)
    given = [keras.ops.convert_to_tensor(pictures().astype("float32"))]
    np.testing.assert_allclose(maps.sum((1, 2)) + 0.7, np.asarray(logits(given)), rtol=1e-4)


def test_a_model_from_elsewhere_with_its_softmax_inside_has_them_too():
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(image))
    x = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    few = pictures()[:, :16, :16]
    maps = with_class_maps(model).predict(few, verbose=0)[1]
    heat = grad_cam(model, few, np.array([1, 1, 1]))
    np.testing.assert_allclose(np.maximum(maps[..., 1], 0), heat, atol=1e-5 * heat.max())


def test_another_head_is_refused():
    model = zoo.build("small-cnn:width=0.1+dense:units=8", classes=2, input_size=16)
    with pytest.raises(ExplainError) as caught:
        with_class_maps(model)
    assert str(caught.value) == (
        "the class maps of small_cnn_dense have no closed form: before its scores stands "
        "Dense, accepted is average pooling and one Dense layer\n"
        "  hint: take a head such as linear, or explain with grad-cam"
    )
