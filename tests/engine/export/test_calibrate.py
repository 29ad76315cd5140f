"""Ranges of activations: every picture counts, however many there are."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from zoo.engine.export import calibrate


@pytest.fixture
def doubled(tmp_path):
    """A graph that doubles its pictures and gives their means."""
    nodes = [
        helper.make_node("Mul", ["image", "two"], ["double"]),
        helper.make_node("ReduceMean", ["double"], ["logits"], axes=[1, 2], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "doubled",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 4, 4, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor("two", TensorProto.FLOAT, [], [2.0])],
    )
    path = tmp_path / "doubled.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("count", [3, calibrate.CHUNK, calibrate.CHUNK + 1, 3 * calibrate.CHUNK])
@pytest.mark.parametrize("lit", ["first", "last"])
def test_one_bright_picture_among_dark_ones_is_seen(count, lit, doubled, capsys):
    images = [np.full((1, 4, 4, 3), 10, np.uint8) for _ in range(count)]
    images[0 if lit == "first" else -1][0, 0, 0, 0] = 200

    found = calibrate.ranges(doubled, iter(images), "minmax").data["double"]

    assert float(np.min(found.range_value[0])) <= 20
    assert float(np.max(found.range_value[1])) == 400
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("method", calibrate.METHODS)
def test_every_method_covers_what_is_common(method, doubled, capsys):
    random = np.random.default_rng(0)
    images = [random.integers(50, 150, (1, 4, 4, 3), np.uint8) for _ in range(20)]

    found = calibrate.ranges(doubled, iter(images), method).data["double"]

    assert 250 <= float(np.max(found.range_value[1])) <= 310
    assert capsys.readouterr().out == ""
