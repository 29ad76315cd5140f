"""Reshapes that change nothing, or that another one undoes.

tf2onnx merges reshapes too, but now and then gives up, depending on the names that its counter gave
the nodes; the same model would then be two different files. And it moves the layout of a map of one
pixel by reshaping it, which between two such moves is nothing at all.
"""

from __future__ import annotations

import onnx
from onnx import helper

from zoo.engine.export.graph import Graph

SHAPES = ("Reshape", "Squeeze")
"""Operations that give a tensor another shape and keep its numbers in their order."""


def merge(graph: Graph) -> None:
    """Let every reshape of a reshaped tensor read the tensor itself.

    Args:
        graph: The graph, changed in place; nodes that nothing needs any more stay in it.
    """
    sources = {node.output[0]: node for node in graph.nodes if node.op_type in SHAPES}
    for node in sources.values():
        target = graph.weights.get(node.input[1]) if node.op_type == "Reshape" else None
        # A zero stands for a dimension of the tensor that is read, so it must stay that tensor.
        if target is None or 0 in target.read():
            continue
        while node.input[0] in sources:
            node.input[0] = sources[node.input[0]].input[0]


def drop(graph: Graph, opset: int) -> None:
    """Let who reads a reshape to the shape that a tensor has already read the tensor.

    Args:
        graph: The graph, changed in place; nodes that nothing needs any more stay in it.
        opset: Version of the operator set that its nodes are of.
    """
    shapes = _shapes(graph, opset)
    outputs = {value.name for value in graph.outputs}
    same: dict[str, str] = {}
    for node in graph.nodes:
        if node.op_type != "Reshape" or node.output[0] in outputs:
            continue
        before, after = (shapes.get(name) for name in (node.input[0], node.output[0]))
        # One dimension is the batch, of any size; with all others alike it is alike too.
        if before and after and before[1:] == after[1:] and None not in before[1:]:
            same[node.output[0]] = node.input[0]
    for node in graph.nodes:
        for index, name in enumerate(node.input):
            while name in same:
                name = same[name]
            node.input[index] = name


def _shapes(graph: Graph, opset: int) -> dict[str, list[int | None]]:
    """The shapes of the tensors as far as they can be known, None for a free dimension."""
    small = [
        onnx.numpy_helper.from_array(weight.read(), name)
        for name, weight in graph.weights.items()
        if weight.dtype.kind == "i" and weight.nbytes <= 64
    ]
    proto = helper.make_model(
        onnx.GraphProto(
            name="shapes",
            node=graph.nodes,
            input=[*graph.inputs, *graph.declared()],
            output=graph.outputs,
            initializer=small,
        ),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    return {
        value.name: [dim.dim_value or None for dim in value.type.tensor_type.shape.dim]
        for value in (*inferred.value_info, *inferred.input)
    }
