"""Classification heads: pooling, hidden layers, and one Dense layer called `logits`."""

from __future__ import annotations

from typing import Literal

import keras

from zoo.api import Features, ModelError, Tensor

# Beyond these a slip of the keyboard would fill the machine's memory before anybody could say so.
MOST_UNITS = 65536
MOST_LAYERS = 16


def linear(
    features: Features,
    num_classes: int,
    *,
    pool: Literal["flatten", "avg", "max"] = "avg",
    dropout: float = 0.0,
) -> Tensor:
    """Pool the last map and classify it with one Dense layer.

    Args:
        features: Taps of the backbone; the last one, [N, h, w, c], is read.
        num_classes: Number of logits.
        pool: How the map becomes a vector: `flatten` keeps every place, `avg` and `max` keep
            one value per channel.
        dropout: Share of the pooled values dropped in training, 0 to below 1; 0 adds no layer.

    Returns:
        Logits [N, num_classes], float32.
    """
    _check("linear", dropout=dropout)
    x = _pooled(features, pool)
    if dropout:
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
    return _logits(x, num_classes)


def dense(
    features: Features,
    num_classes: int,
    *,
    units: int = 256,
    layers: int = 1,
    pool: Literal["flatten", "avg", "max"] = "flatten",
    dropout: float = 0.5,
) -> Tensor:
    """Hidden Dense layers with dropout, then the classifier.

    `dense:units=4096:layers=2` on VGG16 is the classifier of the paper (arXiv:1409.1556).

    Args:
        features: Taps of the backbone; the last one, [N, h, w, c], is read.
        num_classes: Number of logits.
        units: Width of each hidden layer, at least 1.
        layers: Number of hidden layers; 0 leaves the classifier alone.
        pool: How the map becomes a vector: `flatten` keeps every place, `avg` and `max` keep
            one value per channel.
        dropout: Share of each hidden layer dropped in training, 0 to below 1; 0 adds no layer.

    Returns:
        Logits [N, num_classes], float32.
    """
    _check("dense", units=units, layers=layers, dropout=dropout)
    x = _pooled(features, pool)
    for index in range(1, layers + 1):
        x = keras.layers.Dense(units, activation="relu", name=f"head_dense{index}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"head_dropout{index}")(x)
    return _logits(x, num_classes)


def dense_bn(
    features: Features,
    num_classes: int,
    *,
    units: int = 4096,
    layers: int = 2,
    pool: Literal["flatten", "avg", "max"] = "flatten",
    dropout: float = 0.5,
) -> Tensor:
    """Hidden Dense layers, each with batch normalisation and dropout, then the classifier.

    The normalisation stands after the ReLU, as in the batch-norm VGG16 of fast.ai's 2017 course.

    Args:
        features: Taps of the backbone; the last one, [N, h, w, c], is read.
        num_classes: Number of logits.
        units: Width of each hidden layer, at least 1.
        layers: Number of hidden layers; 0 leaves the classifier alone.
        pool: How the map becomes a vector: `flatten` keeps every place, `avg` and `max` keep
            one value per channel.
        dropout: Share of each hidden layer dropped in training, 0 to below 1; 0 adds no layer.

    Returns:
        Logits [N, num_classes], float32.
    """
    _check("dense-bn", units=units, layers=layers, dropout=dropout)
    x = _pooled(features, pool)
    for index in range(1, layers + 1):
        x = keras.layers.Dense(units, activation="relu", name=f"head_dense{index}")(x)
        # Keras' own momentum of 0.99 needs hundreds of steps before its statistics are of use;
        # a small folder of pictures has a few dozen.
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"head_bn{index}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"head_dropout{index}")(x)
    return _logits(x, num_classes)


def _pooled(features: Features, pool: str) -> Tensor:
    *_, last = features.values()
    layer = {
        "flatten": keras.layers.Flatten,
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }[pool]
    return layer(name="head_pool")(last)


def _logits(x: Tensor, num_classes: int) -> Tensor:
    # float32 whatever the policy: a softmax over half-precision logits loses the small classes.
    return keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)


def _check(head: str, *, dropout: float, units: int = 1, layers: int = 0) -> None:
    if not 0 <= dropout < 1:
        raise ModelError(f"{head} takes a dropout from 0 to below 1, received {dropout}")
    if not 1 <= units <= MOST_UNITS:
        raise ModelError(f"{head} takes units from 1 to {MOST_UNITS:,}, received {units}")
    if not 0 <= layers <= MOST_LAYERS:
        raise ModelError(f"{head} takes layers from 0 to {MOST_LAYERS}, received {layers}")
