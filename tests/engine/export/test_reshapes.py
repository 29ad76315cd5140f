"""Of reshapes in a row only the last one counts."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from zoo.engine.export import canonical, reshapes, write
from zoo.engine.export.graph import Graph
from zoo.engine.export.interface import Interface


def chain(*shapes):
    """A graph that brings a [batch,2,3,4] tensor to one shape after another."""
    nodes, tensor = [], "image"
    for i, _ in enumerate(shapes):
        nodes.append(helper.make_node("Reshape", [tensor, f"shape{i}"], [f"r{i}"]))
        tensor = f"r{i}"
    nodes.append(helper.make_node("Relu", [tensor], ["y"]))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [None, 2, 3, 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 24])],
        [
            onnx.numpy_helper.from_array(np.array(shape), f"shape{i}")
            for i, shape in enumerate(shapes)
        ],
    )
    return Graph.of(graph, {})


@pytest.mark.parametrize(
    ("shapes", "left"),
    [
        ([(-1, 24)], 1),
        ([(-1, 4, 6), (-1, 24)], 1),
        ([(-1, 4, 6), (-1, 1, 1, 24), (-1, 24)], 1),
        # The zero is the dimension of what the second one reads.
        ([(-1, 24, 1), (0, 24)], 2),
    ],
)
def test_reshapes_in_a_row(shapes, left, tmp_path):
    graph = chain(*shapes)
    x = np.arange(48, dtype=np.float32).reshape(2, 2, 3, 4)

    reshapes.merge(graph)
    graph = canonical.canonical(graph, ("y",), Interface())

    assert [node.op_type for node in graph.nodes] == ["Reshape"] * left + ["Relu"]
    path = tmp_path / "chain.onnx"
    write.write(path, write.skeleton(graph, opset=17, metadata={}), graph.weights)
    (y,) = ReferenceEvaluator(onnx.load(path)).run(None, {"image": x})
    np.testing.assert_array_equal(y, x.reshape(2, 24))
