"""From a Keras model to an ONNX file: trace, compute what is constant, order, write, check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import onnx

from zoo.engine.export import canonical, constants, guards, reshapes, skeleton, write


def convert(
    model: keras.Model,
    path: Path,
    *,
    opset: int = 17,
    input_dtype: str = "uint8",
    metadata: Mapping[str, str] | None = None,
) -> tuple[onnx.ModelProto, str]:
    """Write a Keras classifier as an ONNX file.

    Args:
        model: A flat functional model.
        path: The file to write.
        opset: Version of the ONNX operator set.
        input_dtype: "uint8" or "float32".
        metadata: Names and values to store in the file.

    Returns:
        The model without its weights, and the file's sha256.

    Raises:
        ExportError: If the model cannot be expressed. The file may have been written by then.
    """
    graph = skeleton.trace(model, opset=opset, input_dtype=input_dtype)
    constants.fold(graph)
    reshapes.merge(graph)
    graph = canonical.canonical(graph, skeleton.OUTPUTS)
    proto = write.skeleton(graph, opset=opset, metadata=metadata or {})
    sha256 = write.write(path, proto, graph.weights)
    guards.check(proto, graph.declared(), skeleton.OUTPUTS)
    return proto, sha256
