"""Batch normalisation taken out of a network: folded into its neighbours, or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from zoo.engine import anatomy
from zoo.engine.export import fold as folding
from zoo.engine.surgery.insert import precision
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.engine.surgery.select import select
from zoo.errors import SurgeryError

if TYPE_CHECKING:
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import FoldBatchNorm

TOLERANCE = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}
"""Largest logit change, relative to the largest logit, by what the model calculates in."""

ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""How far a scale is from 1, relative, that float32 could not bring closer."""


def fold(model: keras.Model, step: FoldBatchNorm, pictures: Pictures) -> Outcome:
    """Fold batch normalisation into the layer before it or a Dense layer after it.

    One that is the identity, as when it was inserted and not trained since, is removed wherever
    it stands.

    Args:
        model: A flat functional model.
        step: Which.
        pictures: Not looked at.

    Returns:
        The outcome.

    Raises:
        SurgeryError: A layer is missing or shared, or has no neighbour that can take it up.
    """
    accepted = [each for each in model.layers if type(each) is keras.layers.BatchNormalization]
    chosen = select(model, step.layers, accepted, "batch normalisation")
    idle = [layer.name for layer in chosen if _is_identity(layer)]
    # An auxiliary classifier may read what batch normalisation gives, too.
    whole = anatomy.whole(model)
    plan = folding.plan(whole, only={layer.name for layer in chosen} - set(idle))
    if plan.kept:
        raise SurgeryError(
            f"{', '.join(plan.kept)} cannot be folded: an activation, a pool or a padded "
            "convolution stands between it and each layer that could take it up",
            "name only those that can: fold-bn --layers NAME",
        )
    gone = {*plan.absorbed, *idle}
    takers = [layer for layer in whole.layers if plan.changes(layer)]
    stand_ins = {layer.name: copy(layer, use_bias=True) for layer in takers}
    built = rebuild(model, layers={**dict.fromkeys(gone), **stand_ins})
    for layer in takers:
        weights = [np.asarray(weight.read()) for weight in plan.weights(layer)]
        stand_ins[layer.name].set_weights(weights)
    changed = [f"{name}: removed, it was the identity" for name in idle]
    changed += [f"{layer.name}: took up batch normalisation" for layer in takers]
    return Outcome(built, tuple(changed), tolerance=TOLERANCE[precision(model)])


def _is_identity(layer: keras.layers.BatchNormalization) -> bool:
    """Whether a batch normalisation gives back what it gets, but for rounding."""
    affine = folding.affine(layer)
    mean = np.abs(np.asarray(layer.moving_mean, dtype=np.float64))
    same_scale = np.abs(affine.scale - 1) <= ROUNDING
    return bool((same_scale & (np.abs(affine.shift) <= ROUNDING * mean)).all())
