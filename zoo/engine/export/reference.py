"""What Keras answers: the logits that the exported model must give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from zoo.engine import anatomy

AT_ONCE = 224 * 224
"""Pixels that are asked about at once: the maps of so many fit into any memory."""


def logits(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Ask a Keras model for its logits, one picture at a time unless all of them are small.

    One at a time, since the answer to a picture does not depend on the others in its batch, and
    the maps of one take an eighth of the memory of those of eight.

    Args:
        model: The model. One with mixed precision is asked in float32, as it is exported.
        images: Pictures, uint8 [N, H, W, 3].

    Returns:
        Logits, float32 [N, classes].
    """
    network = keras.Model(model.input, anatomy.logits_tensor(model))
    state: list[tuple[keras.Variable, keras.Variable]] = []
    if any(layer.compute_dtype != "float32" for layer in model.layers):
        network, state = _clone_in_float32(network)

    def ask(pictures: tf.Tensor) -> tf.Tensor:
        if not state:
            return network(pictures, training=False)
        with keras.StatelessScope(state):
            return network.call(pictures, training=False)

    with _full_precision():
        if np.prod(images.shape[:3]) <= AT_ONCE:  # tracing would not pay for one call
            return ask(tf.constant(images, tf.float32)).numpy()
        one = tf.TensorSpec((1, *images.shape[1:]), tf.float32)
        ask = tf.function(ask, input_signature=[one], autograph=False)
        return np.concatenate([ask(image[None].astype(np.float32)).numpy() for image in images])


@contextmanager
def _full_precision() -> Iterator[None]:
    """GPUs round the factors of a product to 10 bits unless told not to: the tolerance is finer."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def in_float32(layer: keras.Operation) -> keras.Operation:
    """A layer made anew under the float32 policy; its values are still to be set."""
    if not isinstance(layer, keras.Layer):
        return layer
    return type(layer).from_config(layer.get_config() | {"dtype": "float32"})


def _clone_in_float32(
    network: keras.Model,
) -> tuple[keras.Model, list[tuple[keras.Variable, keras.Variable]]]:
    """The same layers under the float32 policy, and whose values their variables have."""
    # The values are held once, by the model: in this scope variables are declared, not filled.
    with keras.StatelessScope(initialize_variables=False):
        clone = keras.models.clone_model(network, clone_function=in_float32)
    return clone, list(zip(clone.variables, network.variables, strict=True))
