"""The end of a classifier: what it offers besides its probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from zoo.engine import anatomy

PASSED = (layers.Dropout, layers.Identity, layers.Activation)
"""Layers that an embedding is looked for behind; of activations only the linear one."""

OUTPUTS = ("probabilities", "logits", "embedding", "cam")
"""Outputs of an exported model in their order; the last two only where the model has them."""


@dataclass(frozen=True)
class Ending:
    """Tensors at the end of a model.

    Args:
        logits: Scores [N, classes]; of a last Dense layer its output, whose activation is dropped
            when the layer is rebuilt.
        embedding: The vector [N, channels] that the last Dense layer classifies. None where that
            is a whole map laid out flat, or where the last layer is no Dense.
        features: The map [N, h, w, channels] whose mean over all places is the embedding, so that
            a class's weights show where it is seen: class activation mapping (Zhou et al., 2016,
            arXiv:1512.04150). None elsewhere.
        classifier: The last Dense layer, or None.
        activation: From logits to probabilities.
    """

    logits: keras.KerasTensor
    embedding: keras.KerasTensor | None
    features: keras.KerasTensor | None
    classifier: layers.Dense | None
    activation: Callable

    @property
    def tensors(self) -> dict[str, keras.KerasTensor]:
        """Those that are there, by name."""
        named = {"logits": self.logits, "embedding": self.embedding, "features": self.features}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs that an exported model has."""
        there = {"probabilities": True, "logits": True}
        there |= {"embedding": self.embedding is not None, "cam": self.features is not None}
        return tuple(name for name in OUTPUTS if there[name])


def of(model: keras.Model) -> Ending:
    """Find the end of a classifier.

    Args:
        model: A flat functional classifier. One that ends in a bare Dense layer is taken to mean
            a softmax, or with one output a sigmoid.
    """
    last = model.output._keras_history.operation
    if isinstance(last, layers.Dense):
        # Its rebuilt copy gives up the activation, so its output is the logits.
        activation = last.activation
        if activation is keras.activations.linear:
            softmax = model.output.shape[-1] > 1
            activation = keras.activations.softmax if softmax else keras.activations.sigmoid
        logits, classifier = model.output, last
    else:
        activation = type(last).from_config(last.get_config() | {"dtype": "float32"})
        logits = anatomy.logits_tensor(model)
        operation = logits._keras_history.operation
        linear = getattr(operation, "activation", None) is keras.activations.linear
        classifier = operation if type(operation) is layers.Dense and linear else None
    embedding = _embedding(classifier) if classifier is not None else None
    features = _features(embedding) if embedding is not None else None
    return Ending(logits, embedding, features, classifier, activation)


def _embedding(classifier: layers.Dense) -> keras.KerasTensor | None:
    tensor = _behind(classifier.input)
    flat = isinstance(tensor._keras_history.operation, layers.Flatten)
    return None if flat or len(tensor.shape) != 2 else tensor


def _features(embedding: keras.KerasTensor) -> keras.KerasTensor | None:
    pool = embedding._keras_history.operation
    if type(pool) is not layers.GlobalAveragePooling2D or pool.data_format != "channels_last":
        return None
    return pool.input


def _behind(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """The tensor before layers that change nothing at inference."""
    layer = tensor._keras_history.operation
    passes = isinstance(layer, PASSED) and (
        getattr(layer, "activation", keras.activations.linear) is keras.activations.linear
    )
    return _behind(layer.input) if passes else tensor
