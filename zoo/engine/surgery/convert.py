"""The function of one model in the architecture of another, which has further batch norms.

`vgg16bn` is `vgg16` with batch normalisation between each convolution and its activation. Given
the weights of `vgg16` and batch norms calibrated to be the identity it computes the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import keras

from zoo import registry
from zoo.engine import anatomy, assemble
from zoo.engine.surgery.insert import TOLERANCE, calibrate, precision
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.errors import SurgeryError

if TYPE_CHECKING:
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import Convert


def convert(model: keras.Model, step: Convert, pictures: Pictures) -> Outcome:
    """Move a model's weights into another architecture and calibrate what is new there.

    Args:
        model: A model that zoo built.
        step: What to become.
        pictures: What to calibrate on.

    Returns:
        The outcome.

    Raises:
        SurgeryError: Some layer with weights has no counterpart of the same name and shape.
    """
    known = anatomy.of(model)
    parts = registry.load()
    resolved = parts.resolve(parts.parse(step.to))
    if resolved.backbone.weights is not None:
        raise SurgeryError(
            f"{step.to} would bring weights of its own", "name it without @, the weights stay"
        )
    classes = 1 if model.output.shape[-1] == 1 else known.classes
    target = assemble.assemble(
        resolved, classes=classes, input_size=known.input_size, dtype=precision(model), seed=0
    )
    # The normalisation of the pictures belongs to the weights, and comes with them.
    built = rebuild(target, layers={"normalize": copy(model.get_layer("normalize"))})
    new = _fill(model, built, step.to)
    found = calibrate(built, new, pictures) if new else {}
    built.zoo_anatomy = replace(
        built.zoo_anatomy,
        classes=known.classes,
        normalization=known.normalization,
        preprocessing=known.preprocessing,
        resolved={**built.zoo_anatomy.resolved, "from": known.resolved},
    )
    taken = sum(bool(layer.weights) for layer in model.layers)
    changed = [f"{known.spec} became {resolved.spec}: {taken} layers keep their weights"]
    changed += [
        f"{name}: batch normalisation of {row['units']} units" for name, row in found.items()
    ]
    return Outcome(
        built, tuple(changed), {"batch_norm": found}, tolerance=TOLERANCE[precision(model)]
    )


def _fill(model: keras.Model, built: keras.Model, name: str) -> list[str]:
    """Copy weights by layer name; gives the batch norms that have no counterpart.

    Auxiliary classifiers that a model from a file has lost begin anew.
    """
    before = {layer.name: layer for layer in anatomy.whole(model).layers if layer.weights}
    own = {layer.name for layer in built.layers}
    new = []
    for layer in (anatomy.whole(built) if anatomy.auxiliary(model) else built).layers:
        if not layer.weights:
            continue
        old = before.pop(layer.name, None)
        norm = isinstance(layer, keras.layers.BatchNormalization) and layer.name in own
        if old is None and norm:
            new.append(layer.name)
            continue
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if old is None or [tuple(weight.shape) for weight in old.weights] != shapes:
            raise SurgeryError(
                f"layer {layer.name!r} of {name} has no counterpart of its shape in the model",
                "the architectures may differ in batch normalisation only; "
                "give both the same options",
            )
        layer.set_weights(old.get_weights())
    if before:
        raise SurgeryError(
            f"{name} has no layer for the weights of {', '.join(before)}",
            "fold batch normalisation first, or give both the same options",
        )
    return new
