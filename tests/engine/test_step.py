"""A step that is given a batch does what Keras's own does."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from zoo.engine.step import Stepped


def fitted(kind: type[keras.Model]) -> tuple[list[np.ndarray], dict[str, list[float]]]:
    keras.utils.set_random_seed(0)
    given = keras.Input((3,))
    model = kind(given, keras.layers.Dense(2)(keras.layers.Dense(4, "relu")(given)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], jit_compile=False)
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(20, 3)).astype("float32"), draws.integers(0, 2, 20)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)  # the last one is shorter
    history = model.fit(batches, validation_data=batches, epochs=3, shuffle=False, verbose=0)
    return model.get_weights(), history.history


def test_weights_losses_and_metrics_are_those_of_keras() -> None:
    (weights, history), (expected, told) = fitted(Stepped), fitted(keras.Model)
    for ours, theirs in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert history.keys() == told.keys()
    for name in told:
        np.testing.assert_allclose(history[name], told[name], rtol=1e-6)
