"""Means and maxima over whole maps, said as the poolings that runtimes are fast at.

tf2onnx does this itself, except where the pooled vector is an output of the graph: there it leaves
a reduction, of the map or of the transposed map, depending on the names that its counter gave the
nodes.
"""

from __future__ import annotations

import onnx
from onnx import helper

from zoo.engine.export.graph import Graph

POOLS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}


def merge(graph: Graph) -> None:
    """Replace reductions of maps over height and width.

    Args:
        graph: The graph of an opset below 18, changed in place; nodes that nothing needs any more
            stay in it.
    """
    producers = {name: node for node in graph.nodes for name in node.output}
    nodes = []
    for node in graph.nodes:
        maps = _whole_maps(node, producers) if node.op_type in POOLS else None
        if maps is None:
            nodes.append(node)
            continue
        pooled = f"{node.output[0]}/pooled"
        nodes += [
            helper.make_node(POOLS[node.op_type], [maps], [pooled]),
            helper.make_node("Flatten", [pooled], list(node.output), axis=1),
        ]
    graph.nodes = nodes


def _whole_maps(node: onnx.NodeProto, producers: dict[str, onnx.NodeProto]) -> str | None:
    """The maps [N, channels, h, w] that a reduction makes vectors [N, channels] of, if it does."""
    told = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    if told.get("keepdims", 1) != 0:
        return None
    axes = sorted(told.get("axes", []))
    source = producers.get(node.input[0])
    if axes == [2, 3]:
        return node.input[0]
    turned = source is not None and source.op_type == "Transpose"
    if axes == [1, 2] and turned and helper.get_node_attr_value(source, "perm") == [0, 2, 3, 1]:
        return source.input[0]
    return None
