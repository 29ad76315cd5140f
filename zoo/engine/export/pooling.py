"""Poolings, said as runtimes are fast at them.

Means and maxima over whole maps tf2onnx recognises itself, except where the pooled vector is an
output of the graph: there it leaves a reduction, of the map or of the transposed map, depending on
the names that its counter gave the nodes. Zeros around the maps of a maximum it leaves as a copy of
the maps.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from zoo.engine.export.graph import Graph

POOLS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}

PADS_NOTHING = (b"NOTSET", b"VALID")
"""What an `auto_pad` may say besides."""


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


def pad(graph: Graph) -> None:
    """Let maxima over maps that are nowhere negative do without the zeros around them.

    What a MaxPool pads with is no number that could be the largest, so neither can the zeros have
    been, as long as every window holds some of the map.

    Args:
        graph: The graph, changed in place; nodes that nothing needs any more stay in it.
    """
    producers = {name: node for node in graph.nodes for name in node.output}
    for node in graph.nodes:
        padding = producers.get(node.input[0]) if node.op_type == "MaxPool" else None
        if padding is None or padding.op_type != "Pad":
            continue
        pads = _zeros_around(padding, graph)
        source = producers.get(padding.input[0])
        if pads is None or source is None or source.op_type != "Relu":
            continue
        told = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        if any(told.get("pads", [])) or told.get("auto_pad", b"NOTSET") not in PADS_NOTHING:
            continue
        if max(pads) >= min(told["kernel_shape"]):
            continue
        node.input[0] = padding.input[0]
        kept = [each for each in node.attribute if each.name not in ("pads", "auto_pad")]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute("pads", pads)])


def _zeros_around(padding: onnx.NodeProto, graph: Graph) -> list[int] | None:
    """Zeros that are put around a map [N, channels, h, w]: top, left, bottom, right."""
    told = {each.name: helper.get_attribute_value(each) for each in padding.attribute}
    constants = [graph.weights.get(name) for name in padding.input[1:]]
    if told.get("mode", b"constant") != b"constant" or None in constants or len(constants) > 2:
        return None
    pads, *value = (constant.read() for constant in constants)
    if pads.size != 8 or np.any(pads[[0, 1, 4, 5]]) or np.any(pads < 0) or np.any(value):
        return None
    return [int(each) for each in pads[[2, 3, 6, 7]]]


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
