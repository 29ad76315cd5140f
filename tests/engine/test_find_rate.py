from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.engine import checkpoint, feed, find_rate, freeze
from zoo.errors import RecipeError
from zoo.recipe import Phase


def source(model: keras.Model, batches) -> feed.Feed:
    dataset = tf.data.Dataset.from_tensors(batches).repeat()
    logits = model.get_layer("logits").output
    return feed.Feed(
        lambda kind: kind(model.input, logits), lambda epoch: dataset, dataset, ("a",) * 8, 8
    )


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return zoo.build("small-cnn:width=0.05+linear", classes=2, input_size=16, seed=1)


LEG = Phase(name="p", train="head", epochs=1, learning_rate=0.1, optimizer="sgd", cache=False)


def test_the_curve_is_that_of_training_and_leaves_no_trace(model):
    draws = np.random.default_rng(0)
    labels = np.arange(8) % 2
    images = draws.integers(0, 100, (8, 16, 16, 3)) + 150 * labels[:, None, None, None]
    freeze.free(model, LEG)
    before = checkpoint.values(model.variables)
    curve = find_rate.search(model, LEG, source(model, (images.astype("f4"), labels)), steps=60)
    after = checkpoint.values(model.variables)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    # Evenly spaced by ratio, from the lowest rate up.
    ratios = np.diff(np.log10(curve.rates))
    np.testing.assert_allclose(ratios, 8 / 59, rtol=1e-6)
    assert curve.rates[0] == find_rate.LOW
    # The first loss is that of the model as it is.
    logits = keras.Model(model.input, model.get_layer("logits").output)(images.astype("f4"))
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    mean = -np.take_along_axis(np.asarray(log), labels[:, None], 1).mean()
    assert curve.losses[0] == pytest.approx(mean, rel=1e-4)
    assert min(curve.losses) < curve.losses[0]
    assert 1e-6 < curve.suggested < 10
    assert curve.suggested == curve.rates[int(np.argmin(curve.losses))] / 10
    ElementTree.fromstring(curve.svg())


def test_the_steepest_fall_and_the_lowest_loss():
    rates = tuple(10.0**power for power in range(-7, 2))
    losses = (4.0, 3.9, 3.8, 3.0, 1.5, 1.2, 1.0, 1.4, 3.0)
    curve = find_rate.Curve(rates, losses)
    assert curve.steepest == pytest.approx(1e-4)
    assert curve.suggested == pytest.approx(1e-2)


def test_a_loss_that_is_no_number_at_once(model):
    freeze.free(model, LEG)
    images = np.full((8, 16, 16, 3), np.nan, "f4")
    with pytest.raises(RecipeError) as caught:
        find_rate.search(model, LEG, source(model, (images, np.zeros(8, int))), steps=10)
    assert str(caught.value) == (
        "phase p: the loss is no number or explodes at a rate of 1e-07\n"
        "  hint: look at the pictures (zoo data check) and the normalisation of the weights"
    )
