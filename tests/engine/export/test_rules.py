"""Operations that tf2onnx has no rule for, or leaves as calls of functions."""

from __future__ import annotations

import math

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import helper
from onnx.reference import ReferenceEvaluator

from zoo.engine.export import rules


def test_an_exact_gelu_is_exported(agree, classifier):
    model = classifier([layers.Conv2D(4, 3), layers.Activation("gelu"), layers.Flatten()])
    operations = [node.op_type for node in agree(model).node]
    assert operations.count("Erf") == 1


@pytest.mark.parametrize("groups", [2, 6])
def test_a_convolution_in_groups_is_exported(groups, agree, classifier):
    chain = [layers.Conv2D(6, 1), layers.Conv2D(12, 3, groups=groups), layers.Flatten()]
    convolutions = [node for node in agree(classifier(chain)).node if node.op_type == "Conv"]
    attributes = [
        {a.name: helper.get_attribute_value(a) for a in n.attribute} for n in convolutions
    ]
    assert [each["group"] for each in attributes] == [1, groups]


@pytest.mark.parametrize("options", [{"use_bias": False}, {"bias_initializer": "zeros"}])
def test_a_number_is_added_to_a_convolution_without_a_bias(options, agree):
    # As the gates of MobileNetV3 do; of a bias of zeros nothing is left when the graph is made.
    x = image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, **options)(x)
    x = layers.Conv2D(4, 3, **options)(layers.Activation("hard_sigmoid")(x))
    x = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))

    graph = agree(keras.Model(image, x))

    assert [node.op_type for node in graph.node].count("Transpose") == 1


def test_the_rule_of_erfc_is_the_function_of_the_standard_library():
    import tensorflow as tf
    import tf2onnx

    spec = [tf.TensorSpec((None,), tf.float32, name="x")]
    proto, _ = tf2onnx.convert.from_function(
        tf.function(lambda x: tf.math.erfc(x), input_signature=spec),
        input_signature=spec,
        opset=17,
        custom_op_handlers=rules.RULES,
    )
    onnx.checker.check_model(proto)
    x = np.linspace(-4, 4, 33, dtype=np.float32)
    (given,) = ReferenceEvaluator(proto).run(None, {proto.graph.input[0].name: x})
    np.testing.assert_allclose(given, [math.erfc(value) for value in x], atol=2e-7)
