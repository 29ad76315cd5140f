"""Batch normalisation folded: where it goes, and that the answers stay the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from zoo.engine.export import fold
from zoo.engine.export.convert import convert


def bn(name="bn", **options):
    return layers.BatchNormalization(name=name, **options)


def conv(name="conv", filters=4, **options):
    return layers.Conv2D(filters, 3, name=name, **options)


def operations(graph):
    return [node.op_type for node in graph.node]


INTO_WHAT_COMES_BEFORE = {
    "bias": lambda: [conv(), bn()],
    "no bias": lambda: [conv(use_bias=False), bn()],
    "no gamma": lambda: [conv(), bn(scale=False)],
    "no beta": lambda: [conv(use_bias=False), bn(center=False)],
    "neither": lambda: [conv(), bn(scale=False, center=False)],
    "epsilon": lambda: [conv(), bn(epsilon=0.5)],
    "strided, padded": lambda: [conv(strides=2, padding="same", use_bias=False), bn()],
    "dilated": lambda: [conv(dilation_rate=2), bn()],
    "depthwise": lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2, name="conv"), bn()],
    "separable": lambda: [layers.SeparableConv2D(5, 3, use_bias=False, name="conv"), bn()],
    "per place": lambda: [layers.Dense(6, name="conv"), bn()],
}


@pytest.mark.parametrize("case", INTO_WHAT_COMES_BEFORE)
def test_goes_into_the_linear_layer_before_it(case, agree, classifier):
    model = classifier([*INTO_WHAT_COMES_BEFORE[case](), layers.ReLU()])

    plan = fold.plan(model)

    assert set(plan.after) == {"conv"}
    assert plan.absorbed == {"bn"}
    graph = agree(model)
    # The only scale left is that of the pictures, where no convolution can take it up.
    assert operations(graph).count("Mul") == (case in ("depthwise", "separable"))


def test_goes_into_a_dense_layer_after_dropout(agree, classifier):
    hidden = layers.Dense(4, name="hidden")
    model = classifier(
        [layers.Flatten(), layers.Dense(6, activation="relu"), bn(), layers.Dropout(0.5), hidden]
    )

    assert set(fold.plan(model).before) == {"hidden"}
    assert operations(agree(model)).count("Mul") == 1


@pytest.mark.parametrize("between", [layers.Flatten, layers.GlobalAveragePooling2D])
def test_goes_through_pooling_into_the_dense_layer_behind(between, agree, classifier):
    hidden = layers.Dense(4, name="hidden")
    model = classifier([conv(activation="relu"), bn(), between(), layers.Dropout(0.2), hidden])

    assert set(fold.plan(model).before) == {"hidden"}
    assert operations(agree(model)).count("Mul") == 0


def test_takes_up_what_precedes_and_what_follows_a_dense_layer(agree, classifier):
    model = classifier(
        [
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            bn("before"),
            layers.Dense(6, name="middle"),
            bn("after"),
            layers.ReLU(),
        ]
    )

    plan = fold.plan(model)

    assert set(plan.before) == set(plan.after) == {"middle"}
    agree(model)


def test_several_in_a_row_become_one(agree, classifier):
    chain = [conv(), bn("bn1"), layers.Rescaling(0.1, 0.3, name="scale"), bn("bn2"), layers.ReLU()]
    model = classifier(chain)

    assert fold.plan(model).absorbed == {"bn1", "scale", "bn2"}
    assert operations(agree(model)).count("Mul") == 0


def padded_after_relu():
    return [layers.ReLU(), bn(), conv(padding="same")]


def behind_an_activation():
    return [conv(activation="relu"), bn(), layers.MaxPooling2D()]


@pytest.mark.parametrize("chain", [padded_after_relu, behind_an_activation])
def test_stays_a_multiplication_and_an_addition_elsewhere(chain, agree, classifier):
    model = classifier(chain())

    plan = fold.plan(model)

    assert set(plan.kept) == {"bn"}
    assert not plan.absorbed
    graph = agree(model)
    assert "BatchNormalization" not in operations(graph)
    assert operations(graph).count("Transpose") == 1


def test_stays_on_an_axis_that_is_not_the_channels(agree, classifier):
    model = classifier([conv(), bn(axis=1), layers.ReLU()])

    assert set(fold.plan(model).kept) == {"bn"}
    assert "BatchNormalization" not in operations(agree(model))


def test_stays_behind_a_convolution_that_somebody_else_reads(agree, classifier):
    def fork(x):
        x = conv()(x)
        return layers.Add()([x, bn()(x)])

    model = classifier([fork])

    assert set(fold.plan(model).kept) == {"bn"}
    agree(model)


def test_stays_behind_a_convolution_that_is_called_twice(agree, classifier):
    shared = layers.Conv2D(3, 3, padding="same", name="conv")
    model = classifier([shared, bn("bn1"), layers.ReLU(), shared, bn("bn2"), layers.ReLU()])

    assert set(fold.plan(model).kept) == {"bn1", "bn2"}
    agree(model)


def test_a_tap_between_convolution_and_normalisation_keeps_its_meaning(agree, classifier):
    # The tap gives what the convolution gives in Keras; the file has no such output.
    model = classifier([conv(), bn(), layers.ReLU()])
    tap = keras.Model(model.input, model.get_layer("conv").output)
    image = np.ones((1, 12, 10, 3), "float32")
    before = np.asarray(tap(image))

    agree(model)

    np.testing.assert_array_equal(np.asarray(tap(image)), before)


def test_is_computed_in_float64_and_rounded_once(classifier):
    model = classifier([conv(), bn(epsilon=1e-3)])
    layer, norm = model.get_layer("conv"), model.get_layer("bn")
    # A large mean cancels in the bias: in float32 most of its digits would be gone.
    norm.moving_mean.assign([1e4, -1e4, 1.0, 0.0])
    layer.bias.assign([1e4 + 0.01, -1e4, 0.0, 1e-8])

    kernel, bias = fold.plan(model).weights(layer)

    k, b, g, beta, mean, variance = (
        np.asarray(v, np.float64) for v in (*layer.get_weights(), *norm.get_weights())
    )
    scale = g / np.sqrt(variance + 1e-3)
    np.testing.assert_array_equal(kernel.read(), (k * scale).astype(np.float32))
    np.testing.assert_allclose(bias.read(), (b - mean) * scale + beta, rtol=1e-6)


def test_a_kernel_of_many_blocks_is_folded_like_one_of_one(monkeypatch, classifier):
    model = classifier([layers.Flatten(), layers.Dense(64, activation="relu"), bn()])
    layer = model.get_layer("logits")
    expected = [weight.read() for weight in fold.plan(model).weights(layer)]

    monkeypatch.setattr(fold, "BLOCK", 7)

    for weight, array in zip(fold.plan(model).weights(layer), expected, strict=True):
        np.testing.assert_allclose(weight.read(), array, rtol=1e-6)


def test_the_model_is_left_as_it_was(tmp_path, classifier):
    model = classifier([conv(), bn(), layers.ReLU()])
    before = model.get_weights()

    convert(model, tmp_path / "model.onnx")

    for mine, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
