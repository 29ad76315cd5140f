"""What Keras answers, and the exported model must."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.engine import anatomy
from zoo.engine.export import ending
from zoo.engine.export.values import Values, held
from zoo.engine.weights.deferred import in_place
from zoo.errors import ExportError

AT_ONCE = 224 * 224
"""Pixels that are asked about at once, which is one picture of the usual size: what convolutions
lay out for a product of matrices takes nine times their input."""


def answers(model: keras.Model, images: np.ndarray, values: Values = held) -> dict[str, np.ndarray]:
    """Ask a Keras model, a few pictures at a time.

    The answer to a picture does not depend on the others in its batch, and the maps of a few take
    less memory than those of all.

    Args:
        model: The model. One with mixed precision is asked in float32, as it is exported.
        images: Pictures, uint8 [N, H, W, 3], of the model's size or, if it pools, of any.
        values: Where the numbers of the model's variables come from.

    Returns:
        `logits` [N, classes] and, where the model has them, `embedding` [N, channels] and `cam`
        [N, h, w], float32.

    Raises:
        ExportError: The model answers with numbers that are not finite.
    """
    end = ending.of(model)
    network = keras.Model(model.input, {**end.tensors, "logits": anatomy.logits_tensor(model)})
    state: list[tuple[keras.Variable, Any]] = []
    plain = values is held and all(layer.compute_dtype == "float32" for layer in model.layers)
    if not plain or images.shape[1:] != tuple(model.input.shape[1:]):
        network, state = _clone_in_float32(network, images.shape[1:], values)

    def ask(pictures: tf.Tensor) -> dict[str, tf.Tensor]:
        if not state:
            return network(pictures, training=False)
        # On its way out a scope would fill, at random, every variable that waits for its values.
        with keras.StatelessScope(state, initialize_variables=False):
            return network.call(pictures, training=False)

    with _full_precision():
        if np.prod(images.shape[:3]) > AT_ONCE:  # tracing would not pay for one call
            some = tf.TensorSpec((None, *images.shape[1:]), tf.float32)
            ask = tf.function(ask, input_signature=[some], autograph=False)
        count = max(1, AT_ONCE // int(np.prod(images.shape[1:3])))
        parts = [images[start : start + count] for start in range(0, len(images), count)]
        asked = [ask(tf.constant(part, tf.float32)) for part in parts]
    given = {name: np.concatenate([each[name].numpy() for each in asked]) for name in end.tensors}
    if not np.isfinite(given["logits"]).all():
        raise ExportError(
            "the model gives logits that are not finite, with which nothing can be compared",
            "its weights diverged in training, or its file was damaged: export an earlier one",
        )
    if end.features is not None:
        kernel = values(end.classifier.kernel).read()
        given["cam"] = class_activation(given.pop("features"), kernel, given["logits"])
    return given


def class_activation(features: np.ndarray, kernel: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Where the most probable class is seen, by the definition (arXiv:1512.04150).

    Args:
        features: Maps [N, h, w, channels] whose mean is classified.
        kernel: Weights of the classes [channels, classes].
        logits: Scores [N, classes].

    Returns:
        float32 [N, h, w], from 0 up.
    """
    rows = kernel.T[logits.argmax(axis=1)]
    return np.maximum(np.einsum("nhwc,nc->nhw", features, rows), 0).astype(np.float32)


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
    network: keras.Model, shape: tuple[int, ...], values: Values
) -> tuple[keras.Model, list[tuple[keras.Variable, Any]]]:
    """The same layers in float32 for pictures of a shape, and whose values their variables have."""
    # In this scope variables are declared, not filled.
    with keras.StatelessScope(initialize_variables=False):
        image = keras.Input(shape, name=network.inputs[0].name)
        clone = keras.models.clone_model(network, image, clone_function=in_float32)
    if values is held:
        return clone, list(zip(clone.variables, network.variables, strict=True))
    # Seeds are left out: nothing draws at inference.
    pairs = zip(clone.weights, network.weights, strict=True)
    return clone, [
        (ours, tf.convert_to_tensor(in_place(values(theirs).read(), ours.dtype)))
        for ours, theirs in pairs
    ]
