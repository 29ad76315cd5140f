"""One model, one sequence of bytes, whatever process or hash seed made it.

tf2onnx numbers its names from a counter of the process and keeps no fixed order. Here nodes are
ordered by what the outputs need, everything is renamed by position, and nothing that varies
without meaning (documentation, inferred shapes, unreachable nodes) is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import helper

from zoo.engine.export.graph import Graph
from zoo.engine.export.interface import BATCH, HEIGHT, WIDTH, Interface

MAP = (f"map_{HEIGHT}", f"map_{WIDTH}")
"""Names of the dimensions of an output that is a map, where they follow those of the picture."""


def canonical(graph: Graph, outputs: tuple[str, ...], interface: Interface) -> Graph:
    """Bring a graph to its one form.

    Args:
        graph: The graph; its nodes and weights may be in any order, and more than are needed.
        outputs: Names of the outputs in the order to give them.
        interface: Layout and dimensions of the input.

    Returns:
        The same computation: tensors `t0`, `t1` ... in the order of their nodes, nodes `Conv_0`,
        `Relu_1` ..., weights named like the Keras variable or else `c0`, `c1` ..., in the order
        of their first use.
    """
    nodes = _in_order(graph, outputs)
    names = {value.name: value.name for value in (*graph.inputs, *graph.outputs)}
    weights = {}
    for node in nodes:
        for name in node.input:
            if name in graph.weights and name not in names:
                label = graph.weights[name].label
                # A variable that is read in two layouts is two weights.
                names[name] = label if label and label not in weights else f"c{len(weights)}"
                weights[names[name]] = graph.weights[name]
    tensors = (name for node in nodes for name in node.output if name and name not in names)
    names |= {name: f"t{i}" for i, name in enumerate(tensors)}
    by_name = {value.name: value for value in graph.outputs}
    return Graph(
        nodes=[_renamed(node, i, names) for i, node in enumerate(nodes)],
        weights=weights,
        inputs=[_picture(value, interface) for value in graph.inputs],
        outputs=[_declared(by_name[name], interface, MAP) for name in outputs],
    )


def _in_order(graph: Graph, outputs: tuple[str, ...]) -> list[onnx.NodeProto]:
    """The nodes that the outputs need, each after those it needs, inputs first to last."""
    producers = {name: node for node in graph.nodes for name in node.output}
    order: list[onnx.NodeProto] = []
    done: set[int] = set()
    # Depth first without recursion: a deep network has more nodes than Python has frames.
    pending = [(producers[name], False) for name in reversed(outputs)]
    while pending:
        node, ready = pending.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            order.append(node)
            continue
        pending.append((node, True))
        pending += [(producers[name], False) for name in reversed(node.input) if name in producers]
    return order


def _renamed(node: onnx.NodeProto, index: int, names: dict[str, str]) -> onnx.NodeProto:
    clean = onnx.NodeProto(op_type=node.op_type, domain=node.domain)
    clean.name = f"{node.op_type}_{index}"
    clean.input.extend(names[name] if name else "" for name in node.input)
    clean.output.extend(names[name] if name else "" for name in node.output)
    clean.attribute.extend(sorted(node.attribute, key=lambda attribute: attribute.name))
    return clean


def _picture(value: onnx.ValueInfoProto, interface: Interface) -> onnx.ValueInfoProto:
    """The input, denoted as a picture by the words of onnx's docs/TypeDenotation.md."""
    first = interface.layout == "nchw"
    declared = _declared(value, interface, ["", HEIGHT, WIDTH] if first else [HEIGHT, WIDTH, ""])
    declared.type.denotation = "IMAGE"
    sides = ["DATA_FEATURE", "DATA_FEATURE"]
    words = ["DATA_CHANNEL", *sides] if first else [*sides, "DATA_CHANNEL"]
    dims = declared.type.tensor_type.shape.dim
    for dim, word in zip(dims, ["DATA_BATCH", *words], strict=True):
        dim.denotation = word
    return declared


def _declared(
    value: onnx.ValueInfoProto, interface: Interface, names: Sequence[str]
) -> onnx.ValueInfoProto:
    """The value with the batch first, and a name for each dimension that is free."""
    tensor = value.type.tensor_type
    dims = [dim.dim_value for dim in tensor.shape.dim[1:]]
    free = [dim or names[i] for i, dim in enumerate(dims)]
    batch = interface.batch or BATCH
    return helper.make_tensor_value_info(value.name, tensor.elem_type, [batch, *free])
