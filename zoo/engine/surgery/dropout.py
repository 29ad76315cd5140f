"""Another dropout rate, on the same weights.

Keras has rescaled in training since October 2015 (inverted dropout), so at inference a Dropout
layer is the identity whatever its rate, and no weight has to change with it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import keras

from zoo.engine.export.network import Network
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.engine.surgery.select import KINDS, select

if TYPE_CHECKING:
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import SetDropout

DROPOUTS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
)
BETWEEN = (*DROPOUTS, keras.layers.Flatten, keras.layers.Identity)
"""Layers looked past on the way to the weights that a dropout feeds."""


def set_dropout(model: keras.Model, step: SetDropout, pictures: Pictures) -> Outcome:
    """Set the rate of dropout layers, or remove them with a rate of 0.

    Args:
        model: A flat functional model.
        step: Which, and the rate.
        pictures: Not looked at.

    Returns:
        The outcome, bit-exact at inference unless the historical rescale is asked for.

    Raises:
        SurgeryError: The model has no such layer, or it is shared.
    """
    accepted = [each for each in model.layers if isinstance(each, DROPOUTS)]
    chosen = select(model, step.layers, accepted, "dropout layer")
    layers = {each.name: copy(each, rate=step.rate) if step.rate else None for each in chosen}
    built = rebuild(model, layers=layers)
    what = f"rate {step.rate:g}" if step.rate else "removed"
    changed = [f"{each.name}: {what}, was {each.rate:g}" for each in chosen]
    if step.legacy_non_inverted:
        changed += _rescale(model, built, chosen, step.rate)
    return Outcome(built, tuple(changed), tolerance=None if step.legacy_non_inverted else 0.0)


def _rescale(
    model: keras.Model, built: keras.Model, chosen: list[keras.Layer], rate: float
) -> list[str]:
    """Multiply the kernels that follow by (1 - old) / (1 - new), as for dropout not inverted."""
    logging.getLogger("zoo").warning(
        "legacy_non_inverted rescales weights; it is right only for a network that was trained "
        "without Keras' inverted dropout, and wrong for every other"
    )
    network, told = Network(model), []
    for dropout in chosen:
        follower = network.follower(dropout.output, past=BETWEEN)
        if not isinstance(follower, KINDS["dense"] + KINDS["conv"]):
            continue
        factor = (1 - dropout.rate) / (1 - rate)
        kernel = built.get_layer(follower.name).kernel
        kernel.assign(kernel * factor)
        told.append(f"{follower.name}: kernel multiplied by {factor:g} (legacy_non_inverted)")
    return told
