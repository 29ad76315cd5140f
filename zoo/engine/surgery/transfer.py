"""Weights copied from another model, layer by layer."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import TYPE_CHECKING

from zoo import stored, suggest
from zoo.engine import anatomy, artefact
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import rebuild
from zoo.engine.surgery.select import LOGITS
from zoo.errors import SurgeryError

if TYPE_CHECKING:
    import keras

    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import CopyWeights


def copy_weights(model: keras.Model, step: CopyWeights, pictures: Pictures) -> Outcome:
    """Copy a head, stages or layers from another model.

    Args:
        model: The model that gets them.
        step: Where from, and which.
        pictures: Not looked at.

    Returns:
        The outcome; what the model says is meant to change.

    Raises:
        SurgeryError: A layer is missing on either side, or its weights have other shapes.
        RunError: There is no such run.
    """
    giver = artefact.load(stored.locate(step.source))
    names = _meant(model, step.layers)
    given = {layer.name: layer for layer in giver.layers}
    built = rebuild(model)
    for name in names:
        shapes = [tuple(weight.shape) for weight in built.get_layer(name).weights]
        there = [tuple(weight.shape) for weight in given[name].weights] if name in given else None
        if there != shapes:
            fault = "has no such layer" if there is None else f"has {_spelled(there)}"
            raise SurgeryError(
                f"layer {name!r} has weights {_spelled(shapes)}, {step.source} {fault}",
                "copy only layers that both have alike: --layers",
            )
        built.get_layer(name).set_weights(given[name].get_weights())
    changed = [f"{name}: weights of {step.source}" for name in names]
    if LOGITS in names and len(anatomy.of(giver).classes) == len(anatomy.of(model).classes):
        classes = anatomy.of(giver).classes
        built.zoo_anatomy = replace(built.zoo_anatomy, classes=classes)
        changed.append(f"classes: {', '.join(classes[:6])}" + (" ..." if len(classes) > 6 else ""))
    return Outcome(built, tuple(changed))


def _meant(model: keras.Model, patterns: tuple[str, ...]) -> list[str]:
    """Names of the layers with weights that stages, names or patterns mean."""
    stages = anatomy.stages(model)
    weighty = [layer.name for layer in model.layers if layer.weights]
    meant: set[str] = set()
    for pattern in patterns:
        inside = [layer.name for layer in stages.get(pattern, ())]
        found = [n for n in weighty if n in inside or fnmatch.fnmatchcase(n, pattern)]
        if not found:
            near = suggest.near(pattern, [*stages, *weighty])
            hint = f"did you mean {', '.join(near)}?" if near else f"stages: {', '.join(stages)}"
            raise SurgeryError(f"the model has no stage or layer with weights {pattern!r}", hint)
        meant.update(found)
    return [name for name in weighty if name in meant]


def _spelled(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes) or "none"
