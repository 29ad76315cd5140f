"""The head with auxiliary classifiers: the paper's taps and sizes, and what it computes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from zoo_inception.auxiliary import aux

import zoo
from zoo.engine import anatomy, artefact
from zoo.errors import ModelError

SMALL = "inception-v1:width=0.0625+aux:width=0.0625"


def test_has_the_parameters_of_torchvision() -> None:
    """13,004,888 with both classifiers, 6,624,904 in the model that is saved."""
    model = zoo.build("inception-v1+aux")
    assert _trainable(model) == 6_624_904
    assert _trainable(anatomy.whole(model)) == 13_004_888


def _trainable(model: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(("size", "places"), [(224, 14), (56, 14)])
def test_reads_where_the_paper_does(size: int, places: int) -> None:
    whole = anatomy.whole(zoo.build(SMALL, classes=3, input_size=size))
    for number, block in ((1, "inception4a"), (2, "inception4d")):
        pool = whole.get_layer(f"aux{number}_pool")
        assert pool.input.shape[1] == places
        assert pool.output.shape[1] == 4
        assert pool.input is whole.get_layer(f"{block}_mixed").output


def test_computes_what_the_paper_says() -> None:
    """Mean of the last map and one matrix; 5x5 means, 1x1 kernel, two matrices: in numpy."""
    early, last = keras.Input((9, 9, 4)), keras.Input((3, 3, 6))
    model = keras.Model(
        [early, last], aux({"a": early, "b": last}, 3, width=0.0625, variant="paper")
    )
    draws = np.random.default_rng(0)
    model.set_weights([draws.normal(0, 0.5, each.shape) for each in model.get_weights()])
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    x, y = draws.normal(0, 1, (2, 9, 9, 4)), draws.normal(0, 1, (2, 3, 3, 6))
    found = model([x.astype("float32"), y.astype("float32")], training=False)

    kernel, bias = weights["logits"]
    np.testing.assert_allclose(found["logits"], y.mean((1, 2)) @ kernel + bias, atol=1e-4)
    means = np.stack(
        [
            np.stack([x[:, i : i + 5, j : j + 5].mean((1, 2)) for j in (0, 3)], axis=1)
            for i in (0, 3)
        ],
        axis=1,
    )
    kernel, bias = weights["aux1_conv"]
    hidden = np.maximum(means @ kernel[0, 0] + bias, 0).reshape(2, -1)
    for name in ("aux1_dense", "aux1_logits"):
        kernel, bias = weights[name]
        hidden = hidden @ kernel + bias
        hidden = np.maximum(hidden, 0) if name == "aux1_dense" else hidden
    np.testing.assert_allclose(found["aux1"], hidden, atol=1e-4)
    assert list(found) == ["logits", "aux1"]


def test_dropout_is_that_of_the_paper() -> None:
    whole = anatomy.whole(zoo.build(SMALL, classes=3, input_size=56))
    rates = {
        layer.name: layer.rate for layer in whole.layers if isinstance(layer, keras.layers.Dropout)
    }
    assert rates == {"head_dropout": 0.4, "aux1_dropout": 0.7, "aux2_dropout": 0.7}


def test_a_saved_model_answers_without_them(tmp_path) -> None:
    model = zoo.build(SMALL, classes=3, input_size=56, seed=0)
    loaded = artefact.load(artefact.save(model, tmp_path / "model.keras"))
    assert not any(layer.name.startswith("aux") for layer in loaded.layers)
    picture = np.random.default_rng(0).uniform(0, 255, (1, 56, 56, 3)).astype("float32")
    np.testing.assert_array_equal(loaded(picture), model(picture))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            "taps=inception4b,inception9",
            "aux reads the taps inception9, which the backbone does not have\n"
            "  hint: taps: conv1, ",
        ),
        ("dropout=1", "aux takes dropout from 0 to below 1, received 1.0"),
        ("aux_dropout=-1", "aux takes aux-dropout from 0 to below 1, received -1.0"),
    ],
)
def test_refuses(options: str, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        zoo.build(f"{SMALL}:{options}", classes=3, input_size=56)
    assert str(caught.value).startswith(text)
