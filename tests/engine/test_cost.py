"""Costs against sums by hand and published figures."""

from __future__ import annotations

import keras
import pytest

import zoo
from zoo.engine import cost


def test_stages_of_a_small_network_by_hand() -> None:
    model = zoo.build("small-cnn+linear", classes=10, input_size=32)
    rows = {row.stage: row for row in cost.of(model).rows}
    # Maps of 16, 8 and 4 places a side; 24, 48 and 96 channels.
    assert rows["stage1"].macs == 16 * 16 * 9 * (3 * 24 + 24 * 24 + 24 * 24)
    assert rows["stage2"].macs == 8 * 8 * (9 * 24 * 48 + 24 * 48 + 9 * 48 * 48)
    assert rows["stage3"].macs == 4 * 4 * (9 * 48 * 96 + 48 * 96 + 9 * 96 * 96)
    assert rows["head"].macs == 96 * 10
    # Stem and two more convolutions, each with two followers, and one sum.
    assert rows["stage1"].activations == 10 * 16 * 16 * 24
    assert rows["stage1"].activation_bytes == 4 * 10 * 16 * 16 * 24
    assert rows["stage1"].parameters == 9 * 24 * (3 + 24 + 24) + 3 * 4 * 24
    assert rows["stage1"].trainable == 9 * 24 * (3 + 24 + 24) + 3 * 2 * 24
    assert rows["stage3"].output == (4, 4, 96)
    assert rows["head"].output == (10,)
    assert [row.layers for row in rows.values()] == [10, 9, 9, 3]


def test_total_of_vgg16_is_the_published_one() -> None:
    """15.47 G multiply-accumulates at 224 pixels, of which the classifier has 0.12 G."""
    costs = cost.of(zoo.build("vgg16+linear"))
    assert costs.total("macs") - 512 * 1000 == 15_346_630_656
    assert costs.total("parameters") == 14_714_688 + 513_000
    assert costs.weight_bytes == 4 * (14_714_688 + 513_000)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (keras.layers.Conv2D(6, (3, 5)), (8, 9, 4), 6 * 5 * 15 * 4 * 6),
        (keras.layers.Conv2D(6, 3, strides=2, padding="same", groups=2), (9, 9, 4), 25 * 9 * 2 * 6),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 4), 36 * 9 * 4 * 2),
        (keras.layers.SeparableConv2D(5, 3), (8, 8, 4), 36 * (9 * 4 + 4 * 5)),
        (
            keras.layers.Conv2DTranspose(5, 3, strides=2, padding="same"),
            (8, 8, 4),
            64 * 9 * 4 * 5,
        ),
        (keras.layers.Dense(7), (5,), 35),
        (keras.layers.Dense(7), (3, 5), 3 * 35),
        (keras.layers.MaxPooling2D(2), (8, 8, 4), 0),
        (keras.layers.BatchNormalization(), (8, 8, 4), 0),
    ],
)
def test_multiplications_of_a_layer_by_hand(layer, shape, expected: int) -> None:
    layer(keras.Input(shape))
    assert cost.macs(layer) == expected


def test_memory_of_training_follows_its_formula() -> None:
    model = zoo.build("small-cnn+linear", classes=10, input_size=32)
    costs = cost.of(model)
    frozen = 2 * (3 * 24 + 3 * 48 + 3 * 96)
    trainable = 175_282 - frozen
    largest = 4 * 16 * 16 * 24
    outputs = 4 * (10 * 16 * 16 * 24 + 9 * 8 * 8 * 48 + 9 * 4 * 4 * 96 + 96 + 10 + 10)
    expected = 16 * trainable + 4 * frozen + 8 * (outputs + 2 * largest)
    assert costs.training_bytes(8) == expected

    for layer in model.layers:
        layer.trainable = layer.name == "logits"
    # The backward pass ends at the head, so only its outputs are kept.
    expected = 16 * 970 + 4 * (175_282 - 970) + 8 * (4 * (96 + 10 + 10) + 2 * largest)
    assert cost.of(model).training_bytes(8) == expected


def test_half_precision_halves_the_maps_and_not_the_weights() -> None:
    full = cost.of(zoo.build("small-cnn+linear", classes=10, input_size=32))
    mixed = cost.of(
        zoo.build("small-cnn+linear", classes=10, input_size=32, dtype="mixed_bfloat16")
    )
    assert mixed.weight_bytes == full.weight_bytes
    assert [row.activation_bytes for row in mixed.rows[:3]] == [
        row.activation_bytes // 2 for row in full.rows[:3]
    ]
    assert mixed.rows[3].activation_bytes == 2 * 96 + 4 * 10 + 4 * 10


def test_layers_as_data() -> None:
    rows = cost.layers_document(zoo.build("small-cnn+linear", classes=10, input_size=32))
    assert rows[0]["name"] == "image"
    assert rows[-2] == {
        "name": "logits",
        "type": "Dense",
        "output": [10],
        "parameters": 970,
        "macs": 960,
    }
