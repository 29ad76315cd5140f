"""What an ONNX file multiplies, counted from its graph alone, as `zoo.engine.cost` counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx


def count(graph: onnx.GraphProto, size: Sequence[int]) -> float:
    """Multiplications of a picture in convolutions and products of matrices.

    Args:
        graph: The graph, with its weights.
        size: Height and width of the picture.
    """
    model = onnx.ModelProto(ir_version=8, opset_import=[onnx.helper.make_opsetid("", 18)])
    model.graph.CopyFrom(graph)
    for dim, side in zip(_free_sides(model.graph), size, strict=False):
        dim.dim_value = side
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # of a file from elsewhere; its speed is told all the same
        return 0.0
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
        for value in (*inferred.value_info, *inferred.output)
    }
    # In the QDQ form the weights pass through a node of their own.
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    total = 0.0
    for node in graph.node:
        if node.op_type == "Conv" and node.output[0] in shapes:
            total += np.prod(shapes[node.output[0]]) * np.prod(weights[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul") and node.input[1] in weights:
            places = np.prod(shapes.get(node.output[0], [0])[:-1] or [1])
            total += places * np.prod(weights[node.input[1]])
    return float(total)


def _free_sides(graph: onnx.GraphProto) -> list[Any]:
    dims = graph.input[0].type.tensor_type.shape.dim
    sides = dims[2:] if dims[1].dim_value == 3 else dims[1:3]
    return [dim for dim in sides if not dim.dim_value]
