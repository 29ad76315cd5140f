"""From a Keras model to an ONNX file: trace, compute what is constant, order, write, check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import onnx

from zoo.engine.export import (
    cam,
    canonical,
    constants,
    ending,
    guards,
    opset,
    pooling,
    reshapes,
    resize,
    skeleton,
    stem,
    write,
)
from zoo.engine.export.interface import RESIZE_OPSET, Interface
from zoo.engine.export.values import Values, held

PLAIN = Interface()


def convert(
    model: keras.Model,
    path: Path,
    interface: Interface = PLAIN,
    *,
    values: Values = held,
    metadata: Mapping[str, str] | None = None,
) -> tuple[onnx.ModelProto, str]:
    """Write a Keras classifier as an ONNX file.

    Args:
        model: A flat functional model.
        path: The file to write.
        interface: What it is to take.
        values: Where the numbers of the model's variables come from.
        metadata: Names and values to store in the file.

    Returns:
        The model without its weights, and the file's sha256.

    Raises:
        ExportError: If the model cannot be expressed. The file may have been written by then.
    """
    end = ending.of(model)
    graph = skeleton.trace(model, interface, values)
    constants.fold(graph)
    pooling.merge(graph)
    pooling.pad(graph)
    stem.fold(graph)
    if end.features is not None:
        fixed = interface.size != "dynamic"
        cam.attach(graph, *(end.features.shape[1:3] if fixed else (None, None)))
    reshapes.merge(graph)
    reshapes.drop(graph, interface.traced_opset)
    if interface.size == "resize":
        resize.prepend(graph)
    if interface.written_opset == RESIZE_OPSET:
        opset.raise_to_18(graph)
    graph = canonical.canonical(graph, end.outputs, interface)
    proto = write.skeleton(graph, opset=interface.written_opset, metadata=metadata or {})
    sha256 = write.write(path, proto, graph.weights)
    guards.check(proto, graph.declared(), end.outputs)
    return proto, sha256
