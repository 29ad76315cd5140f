"""Another head or other classes on a trained backbone; what stays keeps its weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import numpy as np

from zoo import registry
from zoo.engine import anatomy, assemble
from zoo.engine.surgery.insert import precision
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.engine.surgery.select import LOGITS
from zoo.errors import SurgeryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.engine.anatomy import Anatomy
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import ReplaceHead

TOLERANCE = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}
"""A matrix product of another width may add in another order."""


def replace_head(model: keras.Model, step: ReplaceHead, pictures: Pictures) -> Outcome:
    """Replace the head or change the classes.

    Args:
        model: A flat model that ends in the layers `logits` and `probabilities`.
        step: The classes, the head, or both.
        pictures: Not looked at.

    Returns:
        The outcome. The logits of classes that stay are held to what they were unless the head
        is another.

    Raises:
        SurgeryError: There is nothing to change, a class comes twice, or the model has no Dense
            layer `logits`.
    """
    known = anatomy.of(model)
    classes = step.classes or known.classes
    if len(set(classes)) < len(classes):
        raise SurgeryError(f"each class comes once; received {', '.join(classes)}")
    old = next((layer for layer in model.layers if layer.name == LOGITS), None)
    if not isinstance(old, keras.layers.Dense):
        raise SurgeryError(
            "the model does not end in a Dense layer 'logits', whose rows are classes"
        )
    if step.head is None:
        if classes == known.classes:
            raise SurgeryError(
                "nothing to change: the head and the classes are those of the model",
                "name others: --class A --class B, or --head HEAD",
            )
        built = _resized(model, old, len(classes), step.seed)
        same = True
    else:
        built = _replaced(model, step.head, len(classes), step.seed)
        same = _take_over(model, built)
    kept = _keep_rows(old, built.get_layer(LOGITS), known.classes, classes) if same else ()
    if step.head is None:
        for before, after in zip(_classifiers(model), _classifiers(built), strict=True):
            _keep_rows(before, after, known.classes, classes)
    built.zoo_anatomy = _renamed(built, known, classes, step.head)
    return Outcome(
        built,
        _told(known.classes, classes, step.head, same),
        tolerance=TOLERANCE[precision(model)] if step.head is None and kept else None,
        kept=kept,
    )


def _resized(model: keras.Model, old: keras.layers.Dense, units: int, seed: int) -> keras.Model:
    """The same model with another number of classes; their weights are new."""
    with assemble.seeded(seed):
        ends = [old, *_classifiers(model)]
        stand_ins = {each.name: copy(each, units=units) for each in ends}
        softmax = keras.layers.Activation("softmax", dtype="float32", name="probabilities")
        return rebuild(model, layers={**stand_ins, "probabilities": softmax})


def _classifiers(model: keras.Model) -> list[keras.layers.Dense]:
    """The layers whose rows are classes at the ends of the auxiliary classifiers."""
    ends = {
        name: tensor._keras_history.operation for name, tensor in anatomy.auxiliary(model).items()
    }
    for name, layer in ends.items():
        if not isinstance(layer, keras.layers.Dense):
            raise SurgeryError(
                f"the auxiliary classifier {name!r} ends in {type(layer).__name__}; "
                "accepted is Dense, whose rows are classes"
            )
    return list(ends.values())


def _replaced(model: keras.Model, head: str, units: int, seed: int) -> keras.Model:
    """The backbone under another head."""
    parts = registry.load()
    resolved = parts.resolve_part(parts.parse_part("head", head))
    body = rebuild(model)
    taps = {name: anatomy.tap_tensor(body, name) for name in anatomy.of(model).taps}
    probabilities, auxiliary = assemble.top(
        resolved, taps, units, dtype=precision(model), seed=seed
    )
    built = keras.Model(body.input, probabilities, name=model.name)
    built.zoo_auxiliary = auxiliary
    built.zoo_anatomy = body.zoo_anatomy
    return built


def _take_over(model: keras.Model, built: keras.Model) -> bool:
    """Give the new head the weights of the old if all its layers but the last have their like.

    Only then does the last layer read what it did before, and the rows of its classes mean
    anything.
    """
    before, after = (
        {
            layer.name: layer
            for layer in anatomy.stages(each)[anatomy.HEAD]
            if layer.weights and layer.name != LOGITS
        }
        for each in (model, built)
    )
    shapes = [
        {name: [weight.shape for weight in layer.weights] for name, layer in each.items()}
        for each in (before, after)
    ]
    inputs = [each.get_layer(LOGITS).kernel.shape[0] for each in (model, built)]
    if shapes[0] != shapes[1] or inputs[0] != inputs[1]:
        return False
    for name, layer in after.items():
        layer.set_weights(before[name].get_weights())
    return True


def _keep_rows(
    old: keras.layers.Dense,
    new: keras.layers.Dense,
    before: Sequence[str],
    after: Sequence[str],
) -> tuple[tuple[int, int], ...]:
    """Copy the weights of classes that stay; gives their outputs (before, after)."""
    kernel, bias = (np.array(weight) for weight in ([*new.get_weights(), None])[:2])
    olds = old.get_weights()
    if old.units == 1:
        # softmax(0, z) is sigmoid(z): the first of the two classes has a score of 0.
        olds = [np.concatenate([np.zeros_like(each), each], axis=-1) for each in olds]
    kept = [(before.index(name), place) for place, name in enumerate(after) if name in before]
    for source, place in kept:
        kernel[:, place] = olds[0][:, source]
        if new.use_bias:
            bias[place] = olds[1][source]
    new.set_weights([kernel, bias] if new.use_bias else [kernel])
    if old.units == 1:
        return tuple((0, place) for source, place in kept if source == 1)
    return tuple(kept)


def _renamed(
    built: keras.Model, known: Anatomy, classes: Sequence[str], head: str | None
) -> Anatomy:
    described = replace(built.zoo_anatomy, classes=tuple(classes))
    if head is None:
        return described
    parts = registry.load()
    spec = parts.parse_part("head", head)
    backbone = known.spec.partition("+")[0]
    name = f"{backbone}+{spec}" if backbone else ""
    resolved = {**known.resolved, "spec": name, "head": parts.resolve_part(spec).document()}
    return replace(described, spec=name, resolved=resolved)


def _told(
    before: Sequence[str], after: Sequence[str], head: str | None, same: bool
) -> tuple[str, ...]:
    told = [f"head: {head}"] if head else []
    stay = [name for name in after if name in before] if same else []
    new = [name for name in after if name not in stay]
    gone = [name for name in before if name not in after]
    told += [f"classes that keep their weights: {_few(stay)}"] if stay else []
    told += [f"classes that begin with new weights: {_few(new)}"] if new else []
    told += [f"classes that are gone: {_few(gone)}"] if gone else []
    return tuple(told)


def _few(names: Sequence[str], limit: int = 6) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{len(names)} ({', '.join(names[:limit])}{more})"
