"""The scale of the pixels, taken into the first convolution.

Pixels are normalised by a scale and a shift per channel, and as the channels are few, both are slow
as operations of their own. The shift has to stay, for a convolution pads with zeros after it; the
scale leaves zeros what they are.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx

from zoo.engine.export.graph import Graph, Weight

LAST, FIRST = -1, -3
"""Where the channels of a map are, before and after it is transposed for a convolution."""


def fold(graph: Graph) -> None:
    """Let every convolution take up the scale of its inputs, where they are shifted afterwards.

    Args:
        graph: The graph, changed in place; nodes that nothing needs any more stay in it.
    """
    producers = {name: node for node in graph.nodes for name in node.output}
    readers = Counter(name for node in graph.nodes for name in node.input)
    readers.update(value.name for value in graph.outputs)

    def source(node: onnx.NodeProto | None, operation: str) -> onnx.NodeProto | None:
        """What makes the first input of a node and of no other, if it is this operation."""
        name = node.input[0] if node is not None else ""
        found = producers.get(name)
        return found if found and found.op_type == operation and readers[name] == 1 else None

    for conv in [node for node in graph.nodes if node.op_type == "Conv"]:
        turned = source(conv, "Transpose")
        add = source(turned or conv, "Add")
        mul = source(add, "Mul")
        if add is None or mul is None or conv.input[1] not in graph.weights or _grouped(conv):
            continue
        kernel = graph.weights[conv.input[1]]
        axis = LAST if turned else FIRST
        scale, shift = (_constant(graph, node, kernel.shape[1], axis) for node in (mul, add))
        if scale is None or shift is None or not scale.all():
            continue
        conv.input[1] += "/scaled"
        graph.weights[conv.input[1]] = _scaled(kernel, scale)
        add.input[0] = mul.input[0]
        add.input[1] += "/scaled"
        graph.weights[add.input[1]] = Weight.of((shift / scale).astype(np.float32))


def _grouped(conv: onnx.NodeProto) -> bool:
    groups = [each.i for each in conv.attribute if each.name == "group"]
    return groups not in ([], [1])


def _constant(graph: Graph, node: onnx.NodeProto, channels: int, axis: int) -> np.ndarray | None:
    """What a node multiplies by or adds, float64, if it is one number for each channel or all."""
    weight = graph.weights.get(node.input[1])
    if weight is None:
        return None
    size = int(np.prod(weight.shape))
    by_channel = size == channels and len(weight.shape) >= -axis and weight.shape[axis] == channels
    return weight.read().astype(np.float64) if size == 1 or by_channel else None


def _scaled(kernel: Weight, scale: np.ndarray) -> Weight:
    """A kernel [out, in, h, w] for inputs that are not scaled any more."""
    factors = scale.reshape(-1, 1, 1)
    return kernel.mapped(kernel.shape, lambda array: (array * factors).astype(np.float32))
