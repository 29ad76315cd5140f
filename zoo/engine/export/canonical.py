"""One model, one sequence of bytes, whatever process or hash seed made it.

tf2onnx numbers its names from a counter of the process and keeps no fixed order. Here nodes are
ordered by what the outputs need, everything is renamed by position, and nothing that varies
without meaning (documentation, inferred shapes, unreachable nodes) is kept.
"""

from __future__ import annotations

import onnx
from onnx import helper

from zoo.engine.export.graph import Graph

BATCH = "batch"
"""Name of the one dynamic dimension."""


def canonical(graph: Graph, outputs: tuple[str, ...]) -> Graph:
    """Bring a graph to its one form.

    Args:
        graph: The graph; its nodes and weights may be in any order, and more than are needed.
        outputs: Names of the outputs in the order to give them.

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
        inputs=[_with_batch(value) for value in graph.inputs],
        outputs=[_with_batch(by_name[name]) for name in outputs],
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


def _with_batch(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    tensor = value.type.tensor_type
    shape = [dim.dim_value or None for dim in tensor.shape.dim]
    return helper.make_tensor_value_info(value.name, tensor.elem_type, [BATCH, *shape[1:]])
