"""Batches as replicas share them."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import zoo
from zoo.engine import anatomy, data
from zoo.engine.strategy.step import check_batches, synchronized
from zoo.engine.strategy.team import Team
from zoo.errors import ClusterError
from zoo.recipe import Phase


@given(st.integers(1, 40), st.integers(1, 9))
def test_shares_are_the_batch(length: int, shares: int):
    batch = np.arange(length)
    found = [data.shared(batch, (number, shares)) for number in range(shares)]
    own = [rows[:count] for rows, count in found]
    assert sorted(np.concatenate(own)) == list(batch)
    assert max(map(len, own)) - min(map(len, own)) <= 1
    assert all(len(rows) == max(count, 1) for rows, count in found)


def team(replicas: int) -> Team:
    return Team(SimpleNamespace(num_replicas_in_sync=replicas))


def model() -> keras.Model:
    given = keras.Input((4,))
    return keras.Model(given, keras.layers.BatchNormalization(name="bn")(given))


def phase(**asked: object) -> Phase:
    return Phase(name="all", epochs=1, learning_rate=1, **{"batch_size": 8, **asked})


def test_who_normalises_has_pictures():
    for pictures, replicas in ((34, 2), (34, 1), (32, 8), (3, 3)):
        check_batches(model(), phase(), pictures, team(replicas))
    with pytest.raises(ClusterError) as caught:
        check_batches(model(), phase(), 33, team(2))
    assert str(caught.value) == (
        "phase all normalises batches of 8, and the last of an epoch has 1 pictures for 2 "
        "replicas\n  hint: --batch-size 7 leaves each of them some"
    )
    with pytest.raises(ClusterError, match=r"batches of 8 in 3 parts, and the last of an epoch h"):
        check_batches(model(), phase(accumulate=3), 34, team(2))
    held = model()
    held.get_layer("bn").trainable = False
    check_batches(held, phase(), 33, team(2))


def test_normalisation_is_synchronised_as_long_as_it_trains():
    made = model()
    layer = made.get_layer("bn")
    with synchronized(made, 2):
        assert layer.synchronized
    assert not layer.synchronized
    with synchronized(made, 1):
        assert not layer.synchronized
    layer.trainable = False
    with synchronized(made, 2):
        assert not layer.synchronized
    assert "_moments" not in vars(layer)
    layer.trainable = layer.synchronized = True
    with synchronized(made, 2):
        assert layer.synchronized
    assert layer.synchronized


@pytest.mark.parametrize("shape", [(64, 4), (8, 3, 5, 4)])
def test_synchronised_normalisation_is_that_of_one_process(shape: tuple[int, ...]):
    """As exact, too, where what it is given lies far from zero."""
    x = np.random.default_rng(0).normal(300, [1, 2, 3, 4], shape).astype("float32")
    up = np.random.default_rng(1).normal(size=shape).astype("float32")

    def trained(layer: keras.layers.BatchNormalization) -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            watched = tf.constant(x)
            tape.watch(watched)
            made = layer(watched, training=True)
        return [each.numpy() for each in (made, tape.gradient(made, watched, up))]

    given = keras.Input(shape[1:])
    alone, shared = (keras.layers.BatchNormalization(momentum=0.5) for _ in range(2))
    model = keras.Model(given, shared(given))
    expected = trained(alone)
    with synchronized(model, 2):
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        found = strategy.run(trained, (shared,))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
    exact = x.astype("float64").var(tuple(range(len(shape) - 1)))
    np.testing.assert_allclose(shared.moving_variance, 0.5 + 0.5 * exact, rtol=1e-6)
    np.testing.assert_allclose(shared.moving_mean, alone.moving_mean, rtol=1e-6)


def test_auxiliary_classifiers_are_synchronised_as_well():
    made = zoo.build("inception-v1+aux:width=0.1", classes=3, input_size=32, seed=0)
    beside = [
        layer
        for layer in anatomy.whole(made).layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer not in made.layers
    ]
    assert beside
    with synchronized(made, 2):
        assert all(layer.synchronized for layer in beside)
