"""Where a model can be cut: below it nothing learns or is random, above it a phase trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from zoo.engine import anatomy

if TYPE_CHECKING:
    from collections.abc import Iterator


def find(model: keras.Model) -> keras.KerasTensor | None:
    """Find the one tensor that all training above the frozen part reads.

    Frozen layers belong below, and layers of the head that neither learn nor draw, such as the
    pool: after it there is a fraction of the numbers to store. Dropout of the backbone counts as
    frozen, which is off.

    Args:
        model: A model whose layers `freeze.free` has set.

    Returns:
        The tensor, or None where nothing is frozen or more than one tensor would have to be stored.
    """
    if anatomy.auxiliary(model):  # They read maps from the middle.
        return None
    groups = anatomy.stages(model)
    head = {layer.name for layer in groups[anatomy.HEAD]}
    free = {layer.name for layer in model.layers if layer.trainable_variables}
    below: set[str] = set()
    frozen = False
    for layer in model.layers:
        before = list(_parents(layer))
        still = not layer.weights and (layer.name not in head or not _draws(layer))
        held = layer.name not in head and layer.name not in free
        if all(name in below for name in before) and (still or held):
            below.add(layer.name)
            frozen = frozen or bool(layer.weights)
    crossing = {
        name
        for layer in model.layers
        if layer.name not in below
        for name in _parents(layer)
        if name in below
    }
    if not frozen or len(crossing) != 1:
        return None
    tensor: keras.KerasTensor = model.get_layer(crossing.pop()).output
    return tensor if isinstance(tensor, keras.KerasTensor) else None


def name(tensor: keras.KerasTensor) -> str:
    """The layer that gives a cut; the tensor's own name counts what was built before it."""
    return str(tensor._keras_history.operation.name)


def above(
    model: keras.Model, tensor: keras.KerasTensor, kind: type[keras.Model] = keras.Model
) -> keras.Model:
    """The part of a model from a tensor to its logits, sharing its layers.

    Keras calls the layers a second time to build it, after which `layer.output` would be
    ambiguous for all who ask; the traces of those calls are taken away.

    Args:
        model: The model.
        tensor: From `find`.
        kind: The class of functional model to build.

    Returns:
        A model of its own input to logits, whose variables are those of `model`.
    """
    marks = [(op, len(op._inbound_nodes), len(op._outbound_nodes)) for op in model.operations]
    part = kind(tensor, anatomy.logits_tensor(model))
    for op, inbound, outbound in marks:
        del op._inbound_nodes[inbound:]
        del op._outbound_nodes[outbound:]
    return part


def _parents(layer: keras.layers.Layer) -> Iterator[str]:
    for node in layer._inbound_nodes:
        for parent in node.parent_nodes:
            yield parent.operation.name


def _draws(layer: keras.layers.Layer) -> bool:
    return any("seed_generator" in variable.path for variable in layer.variables)
