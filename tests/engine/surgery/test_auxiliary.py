"""Classifiers that lie beside the model while it trains go through every operation with it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.engine.surgery.conftest import trained
from tests.engine.surgery.test_insert import refusal
from zoo.engine import anatomy, artefact
from zoo.engine.surgery.apply import apply
from zoo.engine.surgery.before import before as operate_before
from zoo.surgery import parse

SPEC = "vgg11:width=0.0625+aux:width=0.1"


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return trained(SPEC)


def said(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """Logits of the auxiliary classifiers, [N, classes] each."""
    tensors = anatomy.auxiliary(model).values()
    return [np.asarray(keras.Model(model.input, each)(images)) for each in tensors]


@pytest.mark.parametrize(
    "step",
    [
        {"do": "insert-bn", "after": ["conv"]},
        {"do": "dropout", "rate": 0.1},
        {"do": "copy", "source": "itself", "layers": ["block1"]},
        {"do": "convert", "to": "vgg11bn:width=0.0625+aux:width=0.1"},
    ],
    ids=lambda step: step["do"],
)
def test_they_say_what_they_said(step, model, samples, images, tmp_path):
    if step["do"] == "copy":
        step = {**step, "source": str(artefact.save(model, tmp_path / "itself.keras"))}
    operated, _, _ = apply(model, parse(step), samples)

    assert list(anatomy.auxiliary(operated)) == ["aux1"]
    for before, after in zip(said(model, images), said(operated, images), strict=True):
        assert np.abs(before).max() > 0
        assert np.abs(after - before).max() < 1e-4 * np.abs(before).max()


def test_folding_takes_what_they_read_into_account(samples, images):
    model = trained("vgg11bn:width=0.0625+aux:width=0.1")
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    folded, _, _ = apply(model, parse({"do": "fold-bn"}), samples)

    for before, after in zip(said(model, images), said(folded, images), strict=True):
        assert np.abs(after - before).max() < 1e-5 * np.abs(before).max()


def test_batch_norm_that_they_read_behind_the_back_of_the_model_stays(samples):
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(
        keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    )
    x = keras.layers.BatchNormalization(name="bn")(x)
    logits = keras.layers.Dense(2, name="logits")(x)
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))
    model.get_layer("bn").set_weights([np.full(4, each) for each in (2.0, 0.5, 0.1, 1.0)])
    model.zoo_auxiliary = {"aux": keras.layers.Dense(2, name="aux_logits")(x)}

    assert refusal(model, {"do": "fold-bn"}, samples).startswith("bn cannot be folded")


def test_with_other_classes_they_keep_the_rows_that_stay(model, samples, images):
    step = {"do": "head", "classes": ["c", "new", "a"]}
    operated, _, _ = apply(model, parse(step), samples)

    for before, after in zip(said(model, images), said(operated, images), strict=True):
        assert after.shape[1] == 3
        assert np.allclose(after[:, [0, 2]], before[:, [2, 0]], atol=1e-5 * np.abs(before).max())


def test_another_head_brings_its_own(model, samples):
    operated, _, _ = apply(model, parse({"do": "head", "head": "linear"}), samples)
    assert anatomy.auxiliary(operated) == {}
    again, _, _ = apply(operated, parse({"do": "head", "head": "aux:width=0.1"}), samples)
    assert list(anatomy.auxiliary(again)) == ["aux1"]


def test_at_another_size_they_are_left_behind(model, samples):
    operated, _, _ = apply(model, parse({"do": "convolve", "input_size": [64, 64]}), samples)
    assert anatomy.auxiliary(operated) == {}


def test_a_file_to_train_on_holds_them_and_a_finished_one_does_not(model, images, tmp_path):
    file = artefact.save(model, tmp_path / "on.keras", auxiliary=True)
    read = artefact.load(file)
    for before, after in zip(said(model, images), said(read, images), strict=True):
        assert np.array_equal(before, after)
    assert len(read.outputs) == 1
    assert anatomy.of(read).taps == anatomy.of(model).taps

    assert anatomy.auxiliary(artefact.load(artefact.save(model, tmp_path / "done.keras"))) == {}


def test_a_training_that_is_resumed_after_an_operation_finds_them(model, samples, images, tmp_path):
    steps = [{"do": "insert-bn", "after": ["block1_conv1"]}, {"do": "dropout", "rate": 0.1}]
    operated, rows = operate_before(
        model, steps, samples, run=tmp_path, file="operated.keras", root=samples[0].path.parent
    )
    read = artefact.load(tmp_path / rows[-1]["model"])
    for before, after in zip(said(operated, images), said(read, images), strict=True):
        assert np.array_equal(before, after)
