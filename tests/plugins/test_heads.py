"""Heads: what they compute, for one class, two and a thousand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from zoo_heads import heads

import zoo
from zoo.errors import ModelError


@pytest.mark.parametrize("classes", [1, 2, 1000])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("linear", lambda n: 5 * n + n),
        ("dense:units=7", lambda n: 2 * 3 * 5 * 7 + 7 + 7 * n + n),
        ("dense-bn:units=7", lambda n: 2 * 3 * 5 * 7 + 7 + 7 * 7 + 7 + 2 * 4 * 7 + 7 * n + n),
    ],
)
def test_has_the_parameters_of_the_sum_by_hand(install, name, parameters, classes) -> None:
    _install_map(install)
    model = zoo.build(f"maps/map+{name}", classes=classes)
    assert model.count_params() == 15 + parameters(classes)
    logits = model.get_layer("logits")
    assert logits.units == classes
    assert model.output.shape == (None, classes)


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("flatten", lambda x: x.reshape(len(x), -1)),
        ("avg", lambda x: x.mean((1, 2))),
        ("max", lambda x: x.max((1, 2))),
    ],
)
@pytest.mark.parametrize("head", [heads.linear, heads.dense, heads.dense_bn])
def test_computes_what_its_name_says(head, pool, expected) -> None:
    """Pooling, hidden layers and classifier again in numpy, dropout off."""
    inputs = keras.Input((2, 3, 5))
    options = {} if head is heads.linear else {"units": 7, "layers": 2}
    earlier = keras.layers.Activation("relu")(inputs)  # a head reads the last tap only
    logits = head({"stage1": earlier, "stage2": inputs}, 4, pool=pool, dropout=0.5, **options)
    model = keras.Model(inputs, logits)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([*random.normal(0, 1, (3, 7)), random.uniform(0.1, 2, 7)])
    x = random.normal(0, 1, (6, 2, 3, 5)).astype("float32")

    y = expected(x)
    for index in range(1, options.get("layers", 0) + 1):
        kernel, bias = model.get_layer(f"head_dense{index}").get_weights()
        y = np.maximum(y @ kernel + bias, 0)
        if head is heads.dense_bn:
            gamma, beta, mean, variance = model.get_layer(f"head_bn{index}").get_weights()
            y = gamma * (y - mean) / np.sqrt(variance + 1e-3) + beta
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(model.predict(x, verbose=0), y @ kernel + bias, atol=1e-4)


def test_layers_keep_their_names() -> None:
    model = zoo.build("small-cnn:width=0.1+dense-bn:units=3", classes=2, input_size=16)
    names = [layer.name for layer in model.layers]
    assert names[names.index("head_pool") :] == [
        "head_pool",
        "head_dense1",
        "head_bn1",
        "head_dropout1",
        "head_dense2",
        "head_bn2",
        "head_dropout2",
        "logits",
        "probabilities",
    ]


def test_no_dropout_adds_no_layer() -> None:
    model = zoo.build("small-cnn:width=0.1+dense:dropout=0.0", classes=2, input_size=16)
    assert not [layer for layer in model.layers if "dropout" in layer.name]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("linear:dropout=1.0", "linear takes a dropout from 0 to below 1, received 1.0"),
        ("dense:dropout=-0.1", "dense takes a dropout from 0 to below 1, received -0.1"),
        ("dense:units=0", "dense takes units from 1 to 65,536, received 0"),
        ("dense:units=1000000000", "dense takes units from 1 to 65,536, received 1000000000"),
        ("dense-bn:layers=-1", "dense-bn takes layers from 0 to 16, received -1"),
    ],
)
def test_refuses_options_out_of_range(name: str, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        zoo.build(f"small-cnn+{name}", classes=2)
    assert str(caught.value) == text


def test_advises_on_a_head_that_outweighs_the_rest() -> None:
    heavy = zoo.build("vgg11:width=0.0625+dense", classes=10, input_size=128)
    weight = (4 * 4 * 32 * 256 + 256) / heavy.count_params()
    assert heavy.zoo_notes == (
        f"{weight:.0%} of the {heavy.count_params():,} parameters are in the first Dense layer, "
        "which reads 16 places of the last map; dense:pool=avg reads their mean and needs 16 times "
        "fewer there",
    )
    light = zoo.build("vgg11:width=0.0625+dense:pool=avg", classes=10, input_size=128)
    assert light.zoo_notes == ()


def _install_map(install) -> None:
    """A backbone with 15 parameters that gives a map of 2 x 3 places and 5 channels."""
    install(
        "maps",
        {
            "registry.toml": """
                schema = 1

                [backbone.map]
                target = "maps.parts:map"
                input = [2, 3]
            """,
            "parts.py": '''
                def map(inputs):
                    """Five channels and nothing else: 15 parameters."""
                    import keras

                    return {"map": keras.layers.Conv2D(5, 1, use_bias=False, name="mix")(inputs)}
            ''',
        },
    )
