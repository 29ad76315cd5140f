"""Nodes of opset 17 said in opset 18."""

from __future__ import annotations

import numpy as np
from onnx import helper

from zoo.engine.export.graph import Graph, Weight

REDUCTIONS = {
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
}
"""Operations whose axes were an attribute and became an input."""


def raise_to_18(graph: Graph) -> None:
    """Change the nodes whose form differs between the two versions.

    Args:
        graph: The graph, changed in place.
    """
    for node in graph.nodes:
        if node.op_type == "Split" and len(node.input) == 1:
            node.attribute.append(helper.make_attribute("num_outputs", len(node.output)))
        if node.op_type not in REDUCTIONS:
            continue
        for attribute in [each for each in node.attribute if each.name == "axes"]:
            name = f"axes{list(attribute.ints)}"
            graph.weights[name] = Weight.of(np.array(attribute.ints, np.int64))
            node.input.append(name)
            node.attribute.remove(attribute)
