"""What depends on weights alone is computed once, here, and not at every run."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from zoo.engine.export.graph import Graph, Weight


def fold(graph: Graph) -> None:
    """Replace every node whose inputs are all weights by its result.

    Such nodes are the transpositions of kernels that a Conv wants channels first, and what
    custom layers compute from their weights. Transpositions are still done when the kernel is
    written; the rest is small and done at once.

    Args:
        graph: The graph, changed in place.
    """
    nodes = []
    for node in graph.nodes:
        if any(name not in graph.weights for name in node.input if name) or not node.input:
            nodes.append(node)
        elif node.op_type == "Transpose":
            graph.weights[node.output[0]] = _transposed(graph.weights[node.input[0]], node)
        else:
            given = {name: graph.weights[name].read() for name in node.input if name}
            results = ReferenceEvaluator(node).run(None, given)
            for name, array in zip(node.output, results, strict=True):
                graph.weights[name] = Weight.of(np.asarray(array))
    graph.nodes = nodes


def _transposed(weight: Weight, node: onnx.NodeProto) -> Weight:
    axes = helper.get_node_attr_value(node, "perm")
    return weight.mapped(
        tuple(weight.shape[axis] for axis in axes), lambda array: array.transpose(axes)
    )
