"""Backbones cut at a tap or layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.engine import anatomy
from zoo.errors import ModelError

SMALL = "vgg11:width=0.0625"


def test_layers_above_the_cut_are_not_in_the_model() -> None:
    whole = zoo.build(f"{SMALL}+linear", classes=3, input_size=32)
    cut = zoo.build("vgg11:tap=block3:width=0.0625+linear", classes=3, input_size=32)
    names = [layer.name for layer in whole.layers]
    below = names[: names.index("block3_pool") + 1]
    assert [layer.name for layer in cut.layers] == [*below, "head_pool", "logits", "probabilities"]
    assert list(anatomy.of(cut).taps) == ["block1", "block2", "block3"]
    assert anatomy.of(cut).spec == "vgg11:tap=block3:width=0.0625+linear"
    assert anatomy.of(cut).resolved["backbone"]["options"] == {"tap": "block3", "width": 0.0625}


def test_maps_at_the_cut_are_those_of_the_whole_backbone() -> None:
    whole = zoo.build(f"{SMALL}+linear", classes=3, input_size=32, seed=1)
    cut = zoo.build(f"{SMALL}:tap=block2_conv1+linear", classes=3, input_size=32)
    for layer in anatomy.stages(cut)["block2_conv1"] + anatomy.stages(cut)["block1"]:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
    assert list(anatomy.of(cut).taps) == ["block1", "block2_conv1"]
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")
    ours, theirs = (
        keras.Model(model.input, anatomy.tap_tensor(model, "block2_conv1"))(pictures)
        for model in (cut, whole)
    )
    np.testing.assert_array_equal(ours, theirs)


def test_last_is_no_cut() -> None:
    parts = registry.load()
    assert str(parts.parse(f"{SMALL}:tap=last+linear")) == f"{SMALL}+linear"


@pytest.mark.parametrize(
    ("tap", "message", "hint"),
    [
        (
            "blok3",
            "backbone vgg11 has no tap or layer 'blok3'",
            "did you mean 'block3'? taps: block1, block2, block3, block4, block5, last, "
            "or a layer's name",
        ),
        (
            "normalize",
            "backbone vgg11 has no tap or layer 'normalize'",
            "taps: block1, block2, block3, block4, block5, last, or a layer's name",
        ),
    ],
)
def test_unknown_tap_is_answered_with_the_taps(tap, message, hint) -> None:
    with pytest.raises(ModelError) as caught:
        zoo.build(f"{SMALL}:tap={tap}+linear", classes=3, input_size=32)
    assert (caught.value.message, caught.value.hint) == (message, hint)
