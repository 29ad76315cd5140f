"""Of reshapes in a row only the last one counts.

tf2onnx merges them too, but now and then gives up, depending on the names that its counter gave
the nodes; the same model would then be two different files.
"""

from __future__ import annotations

from zoo.engine.export.graph import Graph


def merge(graph: Graph) -> None:
    """Let every reshape of a reshaped tensor read the tensor itself.

    Args:
        graph: The graph, changed in place; nodes that nothing needs any more stay in it.
    """
    sources = {node.output[0]: node for node in graph.nodes if node.op_type == "Reshape"}
    for node in sources.values():
        target = graph.weights.get(node.input[1])
        # A zero stands for a dimension of the tensor that is read, so it must stay that tensor.
        if target is None or 0 in target.read():
            continue
        while node.input[0] in sources:
            node.input[0] = sources[node.input[0]].input[0]
