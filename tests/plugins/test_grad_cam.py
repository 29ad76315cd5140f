"""Grad-CAM by closed forms, and against the published listing that gets it wrong."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from zoo_interpret.grad_cam import grad_cam

from zoo.engine.differentiate import gradient


@pytest.fixture
def cam() -> keras.Model:
    """Convolutions, global average pooling, one Dense layer: Zhou et al.'s CAM network."""
    keras.utils.set_random_seed(3)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="maps")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(4, name="logits")(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(x))


def _pictures(count: int = 5) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (count, 16, 16, 3), np.uint8)


def _maps(model: keras.Model, images: np.ndarray) -> np.ndarray:
    at = keras.Function(model.inputs, model.get_layer("maps").output)
    return np.asarray(at([keras.ops.convert_to_tensor(images.astype("float32"))]))


def test_behind_average_pooling_it_is_the_class_activation_map(cam):
    images, classes = _pictures(), np.array([0, 1, 2, 3, 0])
    heat = grad_cam(cam, images, classes)
    kernel = cam.get_layer("logits").kernel.numpy()
    expected = np.einsum("nhwk,kn->nhw", _maps(cam, images), kernel[:, classes])
    expected = np.maximum(expected, 0) / (8 * 8)
    assert heat.shape == (5, 8, 8)
    assert heat.dtype == np.float32
    assert expected.max() > 0
    np.testing.assert_allclose(heat, expected, atol=1e-6 * expected.max())


def test_behind_hidden_layers_it_is_the_slope_of_the_pooled_vector(cam):
    """For any head on pooled maps z: ReLU(A . dh/dz) / places, with dh/dz written out for GELU."""
    image = cam.inputs[0]
    pooled = layers.GlobalAveragePooling2D()(cam.get_layer("maps").output)
    hidden = layers.Dense(7, activation="gelu", name="hidden")(pooled)
    model = keras.Model(image, layers.Dense(3, name="logits")(hidden))
    images, classes = _pictures(), np.array([2, 1, 0, 2, 1])

    from scipy.stats import norm

    maps = _maps(cam, images).astype(np.float64)
    inner, bias = (each.numpy() for each in model.get_layer("hidden").weights)
    before = maps.mean((1, 2)) @ inner + bias
    slope = norm.cdf(before) + before * norm.pdf(before)
    outer = model.get_layer("logits").kernel.numpy().T[classes]
    weights = np.einsum("nj,kj->nk", slope * outer, inner)
    expected = np.maximum(np.einsum("nhwk,nk->nhw", maps, weights), 0) / 64
    np.testing.assert_allclose(
        grad_cam(model, images, classes), expected, atol=1e-5 * expected.max()
    )


def test_the_listing_that_weights_gradients_is_flat_where_ours_is_not(cam):
    """TensorFlow in Action, chapter 7, multiplies gradients by weights, never activations."""
    images, classes = _pictures(), np.zeros(5, int)
    _, gradients = gradient(cam, images, classes)
    listing = np.maximum((gradients * gradients.mean((1, 2), keepdims=True)).sum(-1), 0)
    ours = grad_cam(cam, images, classes)
    assert ours.std((1, 2)).max() > 1e5 * listing.std((1, 2)).max()


def test_a_batch_is_its_pictures_one_by_one(cam):
    images, classes = _pictures(), np.array([3, 2, 1, 0, 3])
    together = grad_cam(cam, images, classes)
    for index in range(5):
        alone = grad_cam(cam, images[[index]], classes[[index]])
        np.testing.assert_allclose(together[index], alone[0], atol=1e-6 * together.max())


def test_a_saturated_softmax_still_has_a_map(cam):
    kernel, bias = cam.get_layer("logits").get_weights()
    cam.get_layer("logits").set_weights([kernel * 1e4, bias])
    images = _pictures()
    probabilities = cam.predict(images, verbose=0)
    assert probabilities.max(axis=1).min() == 1.0
    assert grad_cam(cam, images, probabilities.argmax(1)).max((1, 2)).min() > 0


def test_where_nothing_speaks_for_the_class_the_map_is_zero(cam):
    kernel, bias = cam.get_layer("logits").get_weights()
    cam.get_layer("logits").set_weights([-np.abs(kernel), bias])
    heat = grad_cam(cam, _pictures(), np.zeros(5, int))
    np.testing.assert_array_equal(heat, np.zeros((5, 8, 8), np.float32))


def test_a_shift_by_one_cell_moves_the_map_by_one_cell(cam):
    """Two pixels are one cell; the border sees padding and is left out."""
    image = np.zeros((1, 16, 16, 3), np.uint8)
    image[0, 4:10, 4:10] = np.random.default_rng(5).integers(0, 256, (6, 6, 3))
    moved = np.roll(image, 2, axis=2)
    kernel, bias = cam.get_layer("logits").get_weights()
    cam.get_layer("logits").set_weights([np.abs(kernel), bias])
    here, there = (grad_cam(cam, each, [1])[0] for each in (image, moved))
    assert here.max() > 0
    np.testing.assert_allclose(there[2:6, 3:6], here[2:6, 2:5], atol=1e-6 * here.max())


def test_an_earlier_tap_is_finer(cam):
    assert grad_cam(cam, _pictures(), np.zeros(5, int), tap="first").shape == (5, 16, 16)
