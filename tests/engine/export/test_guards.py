"""What a converter lets pass in silence ends the export with a sentence."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper
from onnx.helper import make_node as node
from onnx.helper import make_tensor_value_info as value

from zoo.engine.export import guards
from zoo.errors import ExportError

OUTPUTS = ("probabilities", "logits")
WEIGHTS = [value("w", TensorProto.FLOAT, (2, 2))]
MATMUL = node("MatMul", ["image", "w"], ["logits"])
SOFTMAX = node("Softmax", ["logits"], ["probabilities"], axis=-1)


def model(nodes, inputs=("image",), outputs=OUTPUTS, opset=17):
    graph = helper.make_graph(
        nodes,
        "model",
        [value(name, TensorProto.FLOAT, ("batch", 2)) for name in inputs],
        [value(name, TensorProto.FLOAT, ("batch", 2)) for name in outputs],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def refused(proto):
    with pytest.raises(ExportError) as error:
        guards.check(proto, WEIGHTS, OUTPUTS)
    return str(error.value)


def test_a_sound_graph_passes():
    guards.check(model([MATMUL, SOFTMAX]), WEIGHTS, OUTPUTS)


@pytest.mark.parametrize("op", ["Erfc", "StatefulPartitionedCall", "ScaleAndTranslate"])
def test_operations_of_tensorflow(op):
    assert refused(model([node(op, ["image"], ["logits"]), SOFTMAX])) == (
        f"no ONNX operation of opset 17 for {op}\n  hint: replace the layers that need it"
    )


def test_operations_of_another_domain():
    foreign = node("Conv", ["image"], ["logits"], domain="com.microsoft")

    assert "no ONNX operation of opset 17 for Conv" in refused(model([foreign, SOFTMAX]))


def test_operations_that_came_later():
    gelu = node("Gelu", ["image"], ["logits"])

    assert "no ONNX operation of opset 17 for Gelu" in refused(model([gelu, SOFTMAX]))


@pytest.mark.parametrize("op", ["Dropout", "BatchNormalization", "RandomUniformLike"])
def test_operations_of_training(op):
    assert refused(model([MATMUL, node(op, ["logits"], ["probabilities"])])) == (
        f"left in the graph, where it has no place: {op}\n  hint: replace the layers that need it"
    )


def test_inputs_beside_the_picture():
    proto = model([MATMUL, SOFTMAX], inputs=("image", "unknown_0"))

    assert refused(proto) == "the graph takes image, unknown_0; it must take image alone"


def test_outputs_in_another_order():
    proto = model([MATMUL, SOFTMAX], outputs=OUTPUTS[::-1])

    assert refused(proto) == (
        "the graph gives logits, probabilities; it must give probabilities, logits"
    )


def test_shapes_that_do_not_fit():
    wrong = [value("w", TensorProto.FLOAT, (3, 2))]

    with pytest.raises(ExportError, match="the ONNX checker refuses the graph: "):
        guards.check(model([MATMUL, SOFTMAX]), wrong, OUTPUTS)


def test_the_graph_is_left_as_it_was():
    proto = model([MATMUL, SOFTMAX])
    before = proto.SerializeToString()

    guards.check(proto, WEIGHTS, OUTPUTS)

    assert proto.SerializeToString() == before
    assert onnx.ModelProto.FromString(before) == proto
