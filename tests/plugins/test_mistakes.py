"""Mistakes that published heat maps are made with: each told apart from what we do.

The wrong map is computed here as those programs compute it; ours must differ by what makes it
wrong, or be what it should have been.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from zoo_interpret.grad_cam import grad_cam
from zoo_interpret.score_cam import score_cam

from zoo.engine import answer, heatmap, subject
from zoo.engine.differentiate import gradient

CLASSES = np.array([0, 1, 2, 3])


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Batch normalisation after the last convolution, dropout in the head."""
    keras.utils.set_random_seed(3)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(12, 3, padding="same", name="conv")(x)
    x = layers.BatchNormalization(name="normal")(x)
    x = layers.ReLU(name="last_map")(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    x = layers.Dense(4, name="logits")(x)
    made = keras.Model(image, layers.Softmax()(x))
    draws = np.random.default_rng(0)
    normal = made.get_layer("normal")
    normal.set_weights([draws.uniform(0.5, 1.5, 12) for _ in normal.get_weights()])
    return made


@pytest.fixture(scope="module")
def seen(model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations, gradients, and our map."""
    return (*gradient(model, pictures(), CLASSES), grad_cam(model, pictures(), CLASSES))


def pictures() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (4, 16, 16, 3), np.uint8)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_gradients_times_weights_are_flat(seen):
    _, slope, ours = seen
    listing = np.maximum((slope * slope.mean((1, 2), keepdims=True)).sum(-1), 0)
    assert listing.std((1, 2)).max() < 1e-5 * ours.std((1, 2)).max()


def test_the_score_is_the_logit_and_not_the_probability(model):
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel * 1e4, bias])
    sure = answer.probabilities(model, pictures())
    ours = grad_cam(model, pictures(), sure.argmax(1))
    model.get_layer("logits").set_weights([kernel, bias])
    # The softmax's own slope, p (1 - p), is zero where p is 1: its map would be empty.
    assert np.all(sure.max(1) == 1)
    assert ours.max((1, 2)).min() > 0


def test_relu_comes_after_the_sum(seen):
    at, slope, ours = seen
    weights = slope.mean((1, 2), keepdims=True)
    early = np.maximum(at * weights, 0).sum(-1)
    assert alike(early, ours) < 0.98
    np.testing.assert_allclose(ours, np.maximum((at * weights).sum(-1), 0), rtol=1e-4, atol=1e-7)


def test_the_sum_starts_at_zero(model):
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([-np.abs(kernel), bias])
    ours = grad_cam(model, pictures(), CLASSES)
    model.get_layer("logits").set_weights([kernel, bias])
    np.testing.assert_array_equal(ours, 0)  # from ones it would be 1 everywhere


def test_gradients_are_not_gated_before_they_are_averaged(seen):
    at, slope, ours = seen
    gated = np.where((at > 0) & (slope > 0), slope, 0).mean((1, 2), keepdims=True)
    assert alike(np.maximum((at * gated).sum(-1), 0), ours) < 0.98


def test_the_average_is_over_places_and_not_over_pictures(seen):
    at, slope, ours = seen
    mixed = np.maximum((at * slope.mean((0, 1, 2))).sum(-1), 0)
    assert alike(mixed, ours) < 0.98


def test_an_empty_map_is_drawn_and_is_no_number_over_zero():
    empty = np.zeros((4, 4), np.float32)
    picture = np.full((8, 8, 3), 90, np.uint8)
    dark = heatmap.TABLES["inferno"][0].astype(float)
    expected = np.broadcast_to(np.round((90 + dark) / 2), (8, 8, 3))
    np.testing.assert_array_equal(heatmap.overlay(picture, empty), expected)


def test_a_map_keeps_its_zero_and_a_flat_one_stays_flat():
    """By its smallest and largest value 0.9 and 1.0 would be black and yellow."""
    nearly_flat = np.array([[0.9, 1.0]])
    low, high = heatmap.colour(nearly_flat, 1.0)[0].astype(int)
    np.testing.assert_array_equal(low, heatmap.TABLES["inferno"][round(0.9 * 255)])
    ends = heatmap.TABLES["inferno"][[0, 255]].astype(int)
    assert np.abs(low - high).max() < 0.4 * np.abs(ends[0] - ends[1]).max()


def test_training_is_off(model):
    """With it, dropout and the batch's own statistics make a picture's map hang on the others."""
    alone = grad_cam(model, pictures()[:1], CLASSES[:1])
    again = grad_cam(model, pictures()[[0, 3]], CLASSES[[0, 3]])
    np.testing.assert_allclose(alone[0], again[0], atol=1e-6 * alone.max())


def test_the_tap_is_what_enters_the_pooling_and_not_the_last_convolution(model):
    about = subject.of(model)
    assert about.taps[about.default_tap] == "last_map"
    at = gradient(model, pictures(), CLASSES)[0]
    convolved = gradient(model, pictures(), CLASSES, tap="conv")[0]
    assert at.min() == 0
    assert convolved.min() < 0


def test_an_overlay_is_not_scaled_by_what_it_holds():
    picture = np.full((8, 8, 3), 90, np.uint8)
    heat = np.zeros((4, 4))
    cold = heatmap.overlay(picture, heat, top=1)
    heat[0, 0] = 1
    hot = heatmap.overlay(picture, heat, top=1)
    np.testing.assert_array_equal(hot[4:, 4:], cold[4:, 4:])


def test_averaging_gradients_behind_a_flattening_head_lights_up_what_was_not_used(model):
    """One place is used, with a weight; Grad-CAM shows the channel everywhere, HiRes-CAM there."""
    from zoo_interpret.hires_cam import hires_cam

    flat = layers.Flatten()(model.get_layer("last_map").output)
    other = keras.Model(model.inputs, layers.Dense(2, name="logits")(flat))
    kernel = np.zeros((16 * 16 * 12, 2), np.float32)
    kernel.reshape(16, 16, 12, 2)[5, 6, :, 1] = 1
    other.get_layer("logits").set_weights([kernel, np.zeros(2)])
    one = np.array([1])
    assert np.count_nonzero(hires_cam(other, pictures()[:1], one)) == 1
    assert np.count_nonzero(grad_cam(other, pictures()[:1], one)) > 100


def test_score_cam_weights_by_probability(model):
    """A constant on all logits changes no answer, and would turn a map weighted by them over."""
    by_chance = score_cam(model, pictures()[:1], CLASSES[:1], channels=0)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([kernel, bias - 10])
    again = score_cam(model, pictures()[:1], CLASSES[:1], channels=0)
    by_logit = score_cam(model, pictures()[:1], CLASSES[:1], channels=0, score="logit")
    model.get_layer("logits").set_weights([kernel, bias])
    np.testing.assert_allclose(again, by_chance, rtol=1e-3)
    assert by_chance.max() > 0
    np.testing.assert_array_equal(by_logit, 0)
