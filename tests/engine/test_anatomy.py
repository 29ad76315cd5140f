"""Taps, logits and stages, of our own models and of strangers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from zoo.engine import anatomy
from zoo.errors import ModelError


def test_stages_hold_every_layer_once_and_in_order() -> None:
    model = zoo.build("minception:width=0.0625+dense:units=3", classes=2, input_size=16)
    stages = anatomy.stages(model)
    assert list(stages) == ["stem", "block_a", "block_b", "head"]
    names = [layer.name for layers in stages.values() for layer in layers]
    assert sorted([*names, "image", "normalize"]) == sorted(layer.name for layer in model.layers)
    assert [layer.name for layer in stages["head"]] == [
        "head_pool",
        "head_dense1",
        "head_dropout1",
        "logits",
        "probabilities",
    ]
    assert stages["stem"][0].name == "stem_1_conv"
    assert {layer.name.split("_")[0] for layer in stages["stem"]} == {"stem"}
    assert {layer.name[:7] for layer in stages["block_a"]} == {"block_a"}
    assert stages["block_b"][-1].name == "block_b2_out"


def test_stage_is_all_that_its_tap_depends_on() -> None:
    """Moving a weight of a later stage never changes an earlier tap."""
    model = zoo.build("small-cnn:width=0.1+linear", classes=2, input_size=16)
    x = np.random.default_rng(0).normal(100, 50, (1, 16, 16, 3)).astype("float32")
    stages = anatomy.stages(model)
    taps = list(anatomy.of(model).taps)
    for index, tap in enumerate(taps):
        probe = keras.Model(model.input, anatomy.tap_tensor(model, tap))
        before = np.asarray(probe(x))
        for later in (*taps[index + 1 :], "head"):
            for layer in stages[later]:
                layer.set_weights([1.5 * value for value in layer.get_weights()])
        np.testing.assert_array_equal(np.asarray(probe(x)), before)
        own = next(layer for layer in stages[tap] if layer.weights)
        own.set_weights([1.5 * value for value in own.get_weights()])
        assert np.abs(np.asarray(probe(x)) - before).max() > 0


def test_taps_by_name_by_last_and_by_layer() -> None:
    model = zoo.build("small-cnn:width=0.1+linear", classes=2, input_size=16)
    assert anatomy.tap_tensor(model) is model.get_layer("stage3_out").output
    assert anatomy.tap_tensor(model, "stage1") is model.get_layer("stage1_out").output
    assert anatomy.tap_tensor(model, "stem_relu") is model.get_layer("stem_relu").output


@pytest.mark.parametrize(
    ("tap", "fault"),
    [("stage9", "tap 'stage9' is not in the model"), ("logits", "tap 'logits' gives no map")],
)
def test_refuses_what_is_no_tap(tap: str, fault: str) -> None:
    model = zoo.build("small-cnn:width=0.1+linear", classes=2, input_size=16)
    with pytest.raises(ModelError) as caught:
        anatomy.tap_tensor(model, tap)
    assert str(caught.value) == (
        f"{fault}\n  hint: taps: stage1, stage2, stage3, last, or a layer's name"
    )


def test_survives_json() -> None:
    facts = anatomy.of(zoo.build("small-cnn:width=0.1+linear", classes=["b", "a"], input_size=16))
    assert anatomy.Anatomy.read(facts.document()) == facts


def _stranger(pooling: keras.layers.Layer, *tail: keras.layers.Layer) -> keras.Model:
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, name="early")(image)
    x = keras.layers.ReLU(name="late")(x)
    x = pooling(x)
    for layer in tail:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    "tail",
    [
        (keras.layers.Flatten, lambda: keras.layers.Dense(3, activation="softmax")),
        (
            keras.layers.GlobalMaxPooling2D,
            lambda: keras.layers.Dense(3),
            lambda: keras.layers.Softmax(),
        ),
        (
            lambda: keras.layers.GlobalAveragePooling2D(keepdims=True),
            lambda: keras.layers.Conv2D(3, 1),
            lambda: keras.layers.Flatten(),
            lambda: keras.layers.Activation("softmax"),
        ),
        (
            keras.layers.GlobalAveragePooling2D,
            lambda: keras.layers.Dense(3, use_bias=False, activation="softmax"),
        ),
    ],
)
def test_sees_the_map_and_the_logits_of_a_stranger(tail) -> None:
    model = _stranger(*(make() for make in tail))
    facts = anatomy.of(model)
    assert facts.taps == {"late": "late"}
    assert facts.classes == ("0", "1", "2")
    assert facts.input_size == (12, 12)
    assert [layer.name for layer in anatomy.stages(model)["late"]] == ["early", "late"]
    probe = keras.Model(model.input, [anatomy.logits_tensor(model), model.output])
    x = np.random.default_rng(0).normal(0, 1, (2, 12, 12, 3)).astype("float32")
    logits, probabilities = probe.predict(x, verbose=0)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(softmax, probabilities, atol=1e-6)
    assert np.abs(logits.sum(1)).max() > 1e-3


def test_a_linear_last_layer_gives_the_logits_itself() -> None:
    model = _stranger(keras.layers.Flatten(), keras.layers.Dense(3))
    assert anatomy.logits_tensor(model) is model.output


def test_hidden_logits_are_refused() -> None:
    model = _stranger(keras.layers.Flatten(), keras.layers.Dense(3), keras.layers.Dropout(0.1))
    with pytest.raises(ModelError) as caught:
        anatomy.logits_tensor(model)
    assert str(caught.value) == (
        "the scores before the probabilities cannot be reached: the model ends in Dropout\n"
        "  hint: end the model in Dense, Activation or Softmax"
    )


@pytest.mark.parametrize(
    ("shape", "output", "text"),
    [
        (
            (None, None, 3),
            lambda x: keras.layers.GlobalAveragePooling2D()(x),
            "the model takes (None, None, None, 3), accepted is one input of RGB pictures "
            "[N, height, width, 3] of a fixed size",
        ),
        (
            (8, 8, 1),
            lambda x: keras.layers.Flatten()(x),
            "the model takes (None, 8, 8, 1), accepted is one input of RGB pictures "
            "[N, height, width, 3] of a fixed size",
        ),
        (
            (8, 8, 3),
            lambda x: keras.layers.Conv2D(2, 3)(x),
            "the model gives (None, 6, 6, 2), accepted is one output [N, classes]",
        ),
    ],
)
def test_refuses_what_is_no_classifier_of_pictures(shape, output, text) -> None:
    inputs = keras.Input(shape)
    with pytest.raises(ModelError) as caught:
        anatomy.of(keras.Model(inputs, output(inputs)))
    assert str(caught.value) == text
