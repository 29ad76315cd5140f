"""Class activation maps as an output of the graph: where the most probable class is seen.

With one Dense layer on the mean of a map, the score of a class is the mean over all places of the
map times the class's weights; what is averaged shows where the score comes from (Zhou et al.,
2016, arXiv:1512.04150). It takes no gradients: it costs the graph one product of a row and a map.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from zoo.engine.export.graph import Graph, Weight
from zoo.errors import ExportError


def attach(graph: Graph, height: int | None, width: int | None) -> None:
    """Add the output `cam`, float32 [N, height, width], from 0 up.

    It is relu(sum over channels of map times weights of the most probable class), in units of
    logits; its mean is that class's logit without the bias, as far as that is positive.

    Args:
        graph: The graph, changed in place. Its `embedding` is the mean of a map, and its `logits`
            are a product of that and the weights of the classes, which from then on lie in the
            file class by class.
        height: Height of the map; None if it follows the picture's.
        width: Its width, likewise.

    Raises:
        ExportError: The graph has another form.
    """
    maps = _averaged(graph)
    kernel = _classify_by_rows(graph)
    graph.weights["cam/flat"] = Weight.of(np.array([0, 0, -1], np.int64))
    graph.nodes += [
        helper.make_node("ArgMax", ["logits"], ["cam/class"], axis=1, keepdims=1),
        helper.make_node("Gather", [kernel, "cam/class"], ["cam/weights"], axis=0),
        helper.make_node("Reshape", [maps, "cam/flat"], ["cam/maps"]),
        helper.make_node("MatMul", ["cam/weights", "cam/maps"], ["cam/scores"]),
        helper.make_node("Relu", ["cam/scores"], ["cam/positive"]),
    ]
    _unflatten(graph, maps, height, width)
    shape = [None, height, width]
    graph.outputs.append(helper.make_tensor_value_info("cam", TensorProto.FLOAT, shape))


def _averaged(graph: Graph) -> str:
    """The map whose mean is the embedding, [N, channels, h, w]."""
    producers = {name: node for node in graph.nodes for name in node.output}
    node = producers["embedding"]
    while node.op_type in ("Identity", "Squeeze", "Reshape", "Flatten"):
        node = producers[node.input[0]]
    if node.op_type == "ReduceMean" and helper.get_node_attr_value(node, "axes") == [1, 2]:
        turned = helper.make_node("Transpose", [node.input[0]], ["cam/turned"], perm=[0, 3, 1, 2])
        graph.nodes.append(turned)
        return "cam/turned"
    if node.op_type != "GlobalAveragePool":
        raise ExportError(
            f"the class activation map cannot be attached: the embedding comes from {node.op_type}"
        )
    return node.input[0]


def _unflatten(graph: Graph, maps: str, height: int | None, width: int | None) -> None:
    """Scores [N, 1, places] to [N, h, w]; of any size, the sizes come from the map itself."""
    if height and width:
        shape = np.array([0, height, width], np.int64)
        graph.weights["cam/shape"] = Weight.of(shape)
    else:
        graph.weights |= {
            name: Weight.of(np.array([value], np.int64))
            for name, value in (("cam/two", 2), ("cam/four", 4), ("cam/zero", 0))
        }
        graph.nodes += [
            helper.make_node("Shape", [maps], ["cam/all"]),
            helper.make_node("Slice", ["cam/all", "cam/two", "cam/four"], ["cam/sides"]),
            helper.make_node("Concat", ["cam/zero", "cam/sides"], ["cam/shape"], axis=0),
        ]
    graph.nodes.append(helper.make_node("Reshape", ["cam/positive", "cam/shape"], ["cam"]))


def _classify_by_rows(graph: Graph) -> str:
    """Let the classes' weights lie in rows [classes, channels], read by both the Gemm and the CAM.

    Returns:
        Their name.
    """
    producers = {name: node for node in graph.nodes for name in node.output}
    last = producers["logits"]
    while last.op_type == "Identity":
        last = producers[last.input[0]]
    bias = []
    product = last
    if last.op_type == "Add":
        bias = [name for name in last.input if name in graph.weights]
        product = producers.get(next(iter(n for n in last.input if n not in bias), ""), last)
    if product.op_type != "MatMul" or product.input[1] not in graph.weights:
        raise ExportError(
            f"the class activation map cannot be attached: the logits come from {product.op_type}"
        )
    vector, kernel = product.input
    weight = graph.weights[kernel]
    rows = f"{kernel}/rows"
    graph.weights[rows] = weight.mapped(weight.shape[::-1], np.transpose)
    gemm = helper.make_node("Gemm", [vector, rows, *bias], [last.output[0]], transB=1)
    graph.nodes = [node for node in graph.nodes if node not in (last, product)] + [gemm]
    return rows
