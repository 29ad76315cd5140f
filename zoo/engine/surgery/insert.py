"""Batch normalisation inserted into a trained network, calibrated to be the identity.

At inference batch normalisation is `gamma * (x - mean) / sqrt(variance + epsilon) + beta`. With the
measured mean and variance, `gamma = sqrt(variance + epsilon)` and `beta = mean` it gives back x:
nothing is disturbed, and from there on it normalises while the network trains on. The epsilon
under the root is what keeps dead units, whose variance is 0, alive: without it their gamma is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.engine import anatomy, picture
from zoo.engine.surgery import moments
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.pictures import BATCH_BYTES
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.engine.surgery.select import KINDS, LOGITS, select
from zoo.errors import DataError, SurgeryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.engine.surgery.moments import Moments
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import InsertBatchNorm

TOLERANCE = {"float32": 1e-4, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}
"""Largest logit change, relative to the largest logit, by what the model calculates in."""

TINY = 1e-6
"""Variance below which epsilon outweighs a unit's own: it stays damped while it trains."""

LARGEST_BATCH = 32


def insert(model: keras.Model, step: InsertBatchNorm, pictures: Pictures) -> Outcome:
    """Insert calibrated batch normalisation after some layers.

    Args:
        model: A flat functional model.
        step: Where, and with what.
        pictures: What to calibrate on.

    Returns:
        The outcome; `details` has, by new layer, how many units are dead or tiny.

    Raises:
        SurgeryError: A layer is missing, shared, or gives scores or probabilities.
        DataError: The activations do not vary from picture to picture.
    """
    accepted = [each for each in model.layers if isinstance(each, KINDS["dense"] + KINDS["conv"])]
    chosen = select(model, step.after, accepted, "Dense or convolution layer", step.skip)
    stand_ins, after = {}, {}
    for layer in chosen:
        _check(model, layer)
        normalisation = keras.layers.BatchNormalization(
            epsilon=step.epsilon,
            momentum=step.momentum,
            # Half precision would round the statistics, and the identity with them.
            dtype="float32",
            name=_free(model, f"{layer.name}_bn"),
        )
        after[layer.name] = [normalisation]
        fused = layer.activation is not keras.activations.linear
        if step.place == "activation" and fused:
            stand_ins[layer.name] = copy(layer, activation="linear")
            activation = keras.layers.Activation(
                layer.activation,
                dtype=layer.dtype_policy,
                name=_free(model, f"{layer.name}_activation"),
            )
            after[layer.name].append(activation)
    built = rebuild(model, layers=stand_ins, after=after)
    for name, stand_in in stand_ins.items():
        stand_in.set_weights(model.get_layer(name).get_weights())
    names = [added[0].name for added in after.values()]
    found = calibrate(built, names, pictures, step.floor)
    places = dict(zip(names, after, strict=True))
    return Outcome(
        built,
        tuple(
            f"{name}: batch normalisation at the {step.place} of {places[name]}, {_told(each)}"
            for name, each in found.items()
        ),
        {"batch_norm": found},
        tolerance=TOLERANCE[precision(model)],
    )


def calibrate(
    model: keras.Model, names: Sequence[str], pictures: Pictures, floor: float = 0.0
) -> dict[str, dict[str, Any]]:
    """Make batch normalisations the identity, with the statistics of some pictures.

    One pass serves all of them, since each lets its input pass meanwhile.

    Args:
        model: The model; these layers of it are changed.
        names: The layers.
        pictures: What to calibrate on.
        floor: Least variance.

    Returns:
        By name: units, how many of them are dead (always zero), constant or tiny (a variance
        below `TINY`), and the values seen of each.

    Raises:
        DataError: A layer's input does not vary at all.
    """
    for name in names:
        units = model.get_layer(name).moving_mean.shape[0]
        settle(model.get_layer(name), np.zeros(units), np.ones(units))
    channels = model.input.shape[3]
    batches = pictures.batches(batch_size(model, names))
    found = moments.stream(model, names, (picture.in_channels(each, channels) for each in batches))
    told = {}
    for name, seen in found.items():
        if not seen.squares.any():
            raise DataError(
                f"what reaches {name} is the same for every picture: nothing to calibrate with",
                "give pictures that differ, or leave that layer out with --skip",
            )
        settle(model.get_layer(name), seen.mean, np.maximum(seen.variance, floor))
        told[name] = _account(seen)
    return told


def settle(layer: keras.layers.BatchNormalization, mean: np.ndarray, variance: np.ndarray) -> None:
    """Give a batch normalisation statistics, and the scale and shift that undo them.

    Args:
        layer: A built layer with scale and centre.
        mean: Float64 [channels].
        variance: Float64 [channels], 0 or more.
    """
    # The root is taken of what the layer will compute with, which float32 has rounded.
    stored = variance.astype(np.float32)
    gamma = np.sqrt(stored.astype(np.float64) + np.float64(np.float32(layer.epsilon)))
    layer.gamma.assign(gamma.astype(np.float32))
    layer.beta.assign(mean.astype(np.float32))
    layer.moving_mean.assign(mean.astype(np.float32))
    layer.moving_variance.assign(stored)


def precision(model: keras.Model) -> str:
    """What a model calculates in: float32, or the mixed policy of its layers."""
    policies = {layer.dtype_policy.name for layer in model.layers if layer.weights}
    return next((name for name in TOLERANCE if name in policies - {"float32"}), "float32")


def batch_size(model: keras.Model, names: Sequence[str]) -> int:
    """Pictures at once, so that what is measured fits in `BATCH_BYTES`."""
    values = sum(int(np.prod(model.get_layer(name).input.shape[1:])) for name in names)
    return int(np.clip(BATCH_BYTES // (4 * values), 1, LARGEST_BATCH))


def _check(model: keras.Model, layer: keras.Layer) -> None:
    """Refuse a layer after which batch normalisation would break the model."""
    scores = anatomy.logits_tensor(model)
    if layer.name == LOGITS or layer.output is scores or layer.output is model.outputs[0]:
        raise SurgeryError(
            f"layer {layer.name!r} gives the scores that softmax or sigmoid turns into "
            "probabilities: nothing can stand between them",
            "insert it after the layer before",
        )
    if layer.activation is keras.activations.softmax:
        raise SurgeryError(
            f"layer {layer.name!r} ends in softmax, whose values sum to 1; normalised they would "
            "not",
            "insert it after the layer before",
        )
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise SurgeryError(f"layer {layer.name!r} has its channels first; accepted: last")


def _free(model: keras.Model, name: str) -> str:
    """A name that no layer has yet."""
    if any(layer.name == name for layer in model.layers):
        raise SurgeryError(
            f"the model has a layer {name!r} already: it was inserted before",
            "zoo surgery fold-bn takes it out again",
        )
    return name


def _account(seen: Moments) -> dict[str, Any]:
    still = seen.variance == 0
    return {
        "units": seen.channels,
        "dead": int((still & (seen.mean == 0)).sum()),
        "constant": int((still & (seen.mean != 0)).sum()),
        "tiny": int((~still & (seen.variance < TINY)).sum()),
        "values": seen.count,
    }


def _told(account: dict[str, Any]) -> str:
    odd = [f"{account[kind]} {kind}" for kind in ("dead", "constant", "tiny") if account[kind]]
    return f"{account['units']} units" + (f" ({', '.join(odd)})" if odd else "")
