"""A flat model built again with some layers changed; every other layer keeps its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from zoo.engine import anatomy
from zoo.engine.export.network import Network
from zoo.errors import SurgeryError


def rebuild(
    model: keras.Model,
    *,
    layers: Mapping[str, keras.Layer | None] | None = None,
    after: Mapping[str, Sequence[keras.Layer]] | None = None,
    image: keras.KerasTensor | None = None,
    entry: keras.KerasTensor | None = None,
) -> keras.Model:
    """Build a model again from its layers' configurations.

    Args:
        model: A flat functional model.
        layers: By name, what stands in a layer's place; None lets its input pass.
        after: By name, new layers that are called on its output, one after another.
        image: Another input; None for one like the model's.
        entry: What the layers get in place of the input; None for the input itself.

    Returns:
        The new model with its anatomy, and its auxiliary classifiers unless the size of the input
        is another, for which they were not made. Layers of equal name have equal weights; those of
        `layers` and `after` have what they were made with.
    """
    layers, after = layers or {}, after or {}
    beside = anatomy.auxiliary(model)
    if image is not None and image.shape[1:3] != model.input.shape[1:3]:
        beside = {}
    whole = anatomy.whole(model) if beside else model
    if image is None:
        image = keras.Input(model.input.shape[1:], name=model.inputs[0].name, dtype="float32")
    clones: dict[str, Any] = {}
    tensors = {id(model.input): image if entry is None else entry}
    for node in Network(whole).nodes:
        layer = node.operation
        args, kwargs = node.arguments.fill_in(tensors)
        if layer.name in layers and layers[layer.name] is None:
            output = tensors[id(node.input_tensors[0])]
        else:
            output = _stand_in(layer, layers, clones)(*args, **kwargs)
        for added in after.get(layer.name, ()):
            output = added(output)
        flat = keras.tree.flatten(output)
        tensors.update({id(old): new for old, new in zip(node.outputs, flat, strict=True)})
    outputs = [tensors[id(each)] for each in model.outputs]
    built = keras.Model(image, outputs[0] if len(outputs) == 1 else outputs, name=model.name)
    for name, clone in clones.items():
        if name not in layers and isinstance(clone, keras.Layer) and clone.weights:
            clone.set_weights(whole.get_layer(name).get_weights())
    built.zoo_auxiliary = {name: tensors[id(each)] for name, each in beside.items()}
    return describe(built, model, tensors)


def describe(
    built: keras.Model, model: keras.Model, tensors: Mapping[int, keras.KerasTensor]
) -> keras.Model:
    """Give a new model the anatomy of the old, its taps at the tensors that took their place."""
    known = anatomy.of(model)
    givers = {id(layer.output): layer.name for layer in built.layers if _single(layer)}
    taps = {name: givers[id(tensors[id(anatomy.tap_tensor(model, name))])] for name in known.taps}
    height, width = built.input.shape[1:3]
    built.zoo_anatomy = replace(known, taps=taps, input_size=(height, width))
    return built


def copy(layer: keras.Layer, **changes: Any) -> keras.Layer:
    """A layer like another, without its weights, some of its configuration changed."""
    try:
        return type(layer).from_config({**layer.get_config(), **changes})
    except Exception as error:  # a stranger's from_config raises whatever it likes
        reason = str(error).strip().partition("\n")[0]
        raise SurgeryError(
            f"layer {layer.name!r} ({type(layer).__name__}) cannot be built again: {reason}"
        ) from error


def _stand_in(layer: Any, layers: Mapping[str, keras.Layer | None], clones: dict[str, Any]) -> Any:
    """What is called in a layer's place; one layer for every call of a shared one."""
    if layer.name not in clones:
        made = layers.get(layer.name)
        if made is None:
            made = copy(layer) if isinstance(layer, keras.Layer) else layer
        clones[layer.name] = made
    return clones[layer.name]


def _single(layer: keras.Layer) -> bool:
    try:
        return isinstance(layer.output, keras.KerasTensor)
    except (AttributeError, ValueError):  # shared or never called
        return False
