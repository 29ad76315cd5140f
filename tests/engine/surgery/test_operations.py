from __future__ import annotations

from importlib import import_module

import keras
import numpy as np
import pytest

import zoo
from tests.engine.surgery.conftest import SIZE, SPEC, trained
from tests.engine.surgery.test_insert import answers, refusal
from zoo.engine import anatomy, artefact
from zoo.engine.explain import explain
from zoo.engine.predict import probabilities
from zoo.engine.surgery.apply import apply
from zoo.engine.surgery.outcome import Outcome
from zoo.errors import ModelError, SurgeryFailure
from zoo.surgery import parse

# -- fold


@pytest.fixture(scope="module")
def normalised():
    """A model whose batch normalisation has learned something."""
    model = zoo.build("vgg11bn:width=0.0625+dense-bn:units=12:layers=2", classes=3,
                      input_size=SIZE, seed=2)  # fmt: skip
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    return model


def test_learned_batch_norm_folds_into_the_layers_around_it(normalised, samples, images):
    folded, certificate, _ = apply(normalised, parse({"do": "fold-bn"}), samples)

    assert not [each for each in folded.layers if "bn" in each.name]
    reference = answers(normalised, images)
    assert np.abs(answers(folded, images) - reference).max() < 1e-5 * np.abs(reference).max()
    assert certificate.changed[0] == "block1_conv1: took up batch normalisation"
    # Conv by hand: kernel * g and (bias - mean) * g + beta, with g = gamma / sqrt(var + eps).
    gamma, beta, mean, variance = normalised.get_layer("block1_bn1").get_weights()
    kernel, bias = normalised.get_layer("block1_conv1").get_weights()
    scale = gamma / np.sqrt(variance + 1e-5)
    new_kernel, new_bias = folded.get_layer("block1_conv1").get_weights()
    assert np.allclose(new_kernel, kernel * scale, rtol=1e-5)
    assert np.allclose(new_bias, (bias - mean) * scale + beta, rtol=1e-4, atol=1e-6)


def test_what_nothing_can_take_up_is_said(samples):
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.MaxPooling2D(name="pool")(keras.layers.BatchNormalization(name="bn")(x))
    logits = keras.layers.Dense(2, name="logits")(keras.layers.Flatten(name="flat")(x))
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))
    model.get_layer("bn").set_weights([np.full(4, each) for each in (2.0, 0.5, 0.1, 1.0)])

    assert refusal(model, {"do": "fold-bn"}, samples) == (
        "bn cannot be folded: an activation, a pool or a padded convolution stands between it "
        "and each layer that could take it up\n"
        "  hint: name only those that can: fold-bn --layers NAME"
    )


# -- dropout


@pytest.mark.parametrize("rate", [0.6, 0.0])
def test_dropout_changes_are_bit_exact(model, samples, images, rate):
    built, certificate, _ = apply(model, parse({"do": "dropout", "rate": rate}), samples)

    assert np.array_equal(answers(built, images), answers(model, images))
    assert certificate.largest == 0.0
    rates = [each.rate for each in built.layers if isinstance(each, keras.layers.Dropout)]
    assert rates == ([0.6, 0.6] if rate else [])
    for layer in model.layers:
        for old, new in zip(layer.get_weights(),
                            built.get_layer(layer.name).get_weights() if layer.weights else [],
                            strict=True):  # fmt: skip
            assert np.array_equal(old, new)


def test_in_training_the_new_rate_drops_and_rescales(model, samples):
    built, _, _ = apply(model, parse({"do": "dropout", "rate": 0.75}), samples)

    given = np.asarray(built.get_layer("head_dropout1")(np.ones((100, 100)), training=True))
    assert set(np.unique(given)) == {0.0, 4.0}
    assert given.mean() == pytest.approx(1.0, abs=0.05)


def test_the_historical_rescale_halves_kernels_and_warns(model, samples, caplog):
    step = parse({"do": "dropout", "rate": 0.0, "legacy_non_inverted": True})
    built, certificate, _ = apply(model, step, samples)

    for name, factor in {"head_dense1": 1.0, "head_dense2": 0.5, "logits": 0.5}.items():
        old, old_bias = model.get_layer(name).get_weights()
        new, new_bias = built.get_layer(name).get_weights()
        assert np.array_equal(new, old * np.float32(factor))
        assert np.array_equal(new_bias, old_bias)
    assert certificate.tolerance is None
    assert certificate.relative > 0.1
    assert "wrong for every other" in caplog.text


# -- head


def test_classes_that_stay_keep_their_logits(model, samples, images):
    step = parse({"do": "head", "classes": ["new", "c", "a"]})
    built, certificate, _ = apply(model, step, samples)

    before, after = answers(model, images), answers(built, images)
    assert np.allclose(after[:, [1, 2]], before[:, [2, 0]], atol=1e-6)
    assert certificate.kept == ((2, 1), (0, 2))
    assert certificate.relative < 1e-6
    assert built.zoo_anatomy.classes == ("new", "c", "a")
    assert certificate.changed == (
        "classes that keep their weights: 2 (c, a)",
        "classes that begin with new weights: 1 (new)",
        "classes that are gone: 1 (b)",
    )
    again, _, _ = apply(model, step, samples)
    assert np.array_equal(answers(again, images), after)


def test_one_sigmoid_output_becomes_rows_of_two_classes(samples, images):
    model = zoo.build(SPEC, classes=1, input_size=SIZE, seed=3)
    built, certificate, _ = apply(model, parse({"do": "head", "classes": ["0", "1", "x"]}), samples)

    scores = answers(built, images)
    sigmoid = np.asarray(model(images * 1.0))[:, 0]
    assert np.allclose(np.exp(scores[:, 1]) / np.exp(scores[:, :2]).sum(axis=1), sigmoid, atol=1e-6)
    assert certificate.kept == ((0, 1),)


def test_another_head_on_the_same_backbone(model, samples, images):
    built, certificate, _ = apply(model, parse({"do": "head", "head": "linear"}), samples)

    assert built.zoo_anatomy.spec == "vgg11:width=0.0625+linear"
    assert built.zoo_anatomy.resolved["head"]["id"] == "linear"
    assert certificate.tolerance is None
    maps = [
        np.asarray(keras.Model(each.input, anatomy.tap_tensor(each))(images * 1.0))
        for each in (model, built)
    ]
    assert np.array_equal(*maps)


def test_rows_of_classes_do_not_move_to_another_reading_of_the_map(samples):
    # The map has as many channels as the hidden layer has units.
    model = trained("vgg11:width=0.0625+dense:units=32:layers=2:pool=avg")
    assert model.get_layer("logits").kernel.shape[0] == 32
    built, certificate, _ = apply(model, parse({"do": "head", "head": "linear"}), samples)

    assert built.get_layer("logits").kernel.shape == model.get_layer("logits").kernel.shape
    assert certificate.kept == ()
    assert "classes that begin with new weights: 3 (a, b, c)" in certificate.changed


def test_a_head_of_the_same_layers_keeps_its_weights(model, samples, images):
    step = parse({"do": "head", "head": "dense:units=12:layers=2:dropout=0.0"})
    built, certificate, _ = apply(model, step, samples)

    assert np.allclose(answers(built, images), answers(model, images), atol=1e-6)
    assert certificate.kept == ((0, 0), (1, 1), (2, 2))


def test_nothing_to_change_is_said(model, samples):
    assert refusal(model, {"do": "head"}, samples) == (
        "nothing to change: the head and the classes are those of the model\n"
        "  hint: name others: --class A --class B, or --head HEAD"
    )


# -- copy


def test_a_head_and_a_stage_come_from_another_run(model, samples, images, tmp_path):
    giver = trained(classes=("x", "y", "z"), seed=5)
    file = artefact.save(giver, tmp_path / "giver.keras")
    step = parse({"do": "copy", "source": str(file), "layers": ["head", "block5"]})
    built, certificate, _ = apply(model, step, samples)

    for layer in built.layers:
        source = giver if layer.name.startswith(("head", "logits", "block5")) else model
        expected = source.get_layer(layer.name).get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(layer.get_weights(), expected, strict=True))
    assert built.zoo_anatomy.classes == ("x", "y", "z")
    assert certificate.tolerance is None
    everything = parse({"do": "copy", "source": str(file), "layers": ["*"]})
    whole, _, _ = apply(model, everything, samples)
    assert np.array_equal(answers(whole, images), answers(giver, images))


def test_weights_of_another_shape_are_refused(model, samples, tmp_path):
    file = artefact.save(trained(classes=("x", "y")), tmp_path / "two.keras")
    assert refusal(model, {"do": "copy", "source": str(file)}, samples) == (
        f"layer 'logits' has weights 12x3, 3, {file} has 12x2, 2\n"
        "  hint: copy only layers that both have alike: --layers"
    )


# -- convolve


def test_as_convolutions_the_old_size_answers_the_same_and_a_larger_one_the_mean(
    model, samples, images
):
    step = parse({"do": "convolve", "input_size": [64, 96]})
    built, certificate, _ = apply(model, step, samples)

    assert certificate.relative < 1e-6
    assert built.input.shape == (None, 64, 96, 3)
    assert built.zoo_anatomy.input_size == (64, 96)
    assert built.get_layer("logits_map").output.shape[1:3] == (2, 3)
    # By hand: the old head at each of the six places of the map, and the mean of its scores.
    large = np.tile(images[:4], (1, 2, 3, 1)).astype("float32")
    maps = np.asarray(keras.Model(built.input, built.get_layer("block5_pool").output)(large))

    def dense(name, values):
        kernel, bias = model.get_layer(name).get_weights()
        return values @ kernel + bias

    hidden = np.maximum(dense("head_dense1", maps), 0)
    scores = dense("logits", np.maximum(dense("head_dense2", hidden), 0)).mean(axis=(1, 2))
    assert np.allclose(answers(built, large), scores, rtol=1e-4, atol=1e-5)


def test_batch_norm_between_dense_layers_comes_along(normalised, samples):
    _, certificate, _ = apply(
        normalised, parse({"do": "convolve", "input_size": [64, 64]}), samples
    )
    assert certificate.relative < 1e-5


def test_a_size_that_is_too_small_is_refused(samples):
    larger = zoo.build(SPEC, classes=3, input_size=64, seed=0)
    assert refusal(larger, {"do": "convolve", "input_size": [32, 32]}, samples) == (
        "pictures of 32x32 are too small: nothing is left of them at the head\n"
        "  hint: the model was made for 64x64; take at least that"
    )


# -- channels


def test_grey_pictures_answer_as_they_did_in_three_channels(model, samples, images):
    built, certificate, _ = apply(model, parse({"do": "channels", "channels": 1}), samples)

    grey = images[..., :1]
    assert built.input.shape == (None, SIZE, SIZE, 1)
    reference = answers(model, np.repeat(grey, 3, axis=3))
    assert np.allclose(answers(built, grey), reference, atol=1e-6)
    assert certificate.holds
    # Files hold three channels, and the model is asked about their mean.
    means = np.repeat(images.mean(axis=3, keepdims=True).round(), 3, axis=3)
    assert np.allclose(probabilities(built, images), model(means), atol=1e-6)
    _, certificate, _ = apply(built, parse({"do": "insert-bn", "after": ["dense"]}), samples)
    assert certificate.holds
    with pytest.raises(ModelError) as caught:
        explain(built, images)
    assert str(caught.value) == (
        "the model takes pictures of 1 channel, accepted here are models of RGB pictures\n"
        "  hint: zoo evaluate, predict and surgery take it; use the run that it was made from"
    )


def test_six_channels_repeat_the_three(model, samples, images):
    built, certificate, _ = apply(model, parse({"do": "channels", "channels": 6}), samples)

    doubled = np.concatenate([images, images], axis=3)
    reference = answers(model, images)
    assert np.abs(answers(built, doubled) - reference).max() < 1e-5 * np.abs(reference).max()
    assert certificate.tolerance == 1e-5


# -- convert


def test_vgg_becomes_vgg_with_batch_norm(model, samples, images):
    to = "vgg11bn:width=0.0625+dense-bn:units=12:layers=2"
    built, certificate, _ = apply(model, parse({"do": "convert", "to": to}), samples)

    assert certificate.relative < 1e-5
    assert len(certificate.details["batch_norm"]) == 10
    assert built.zoo_anatomy.spec == "vgg11bn:width=0.0625+dense-bn:units=12"
    fresh = zoo.build(to, classes=3, input_size=SIZE)
    assert [each.name for each in built.layers] == [each.name for each in fresh.layers]
    reference = answers(model, images)
    assert np.abs(answers(built, images) - reference).max() < 1e-5 * np.abs(reference).max()


def test_an_architecture_that_does_not_fit_is_refused(model, samples):
    to = "vgg11bn:width=0.0625+dense:layers=2:units=16"
    assert refusal(model, {"do": "convert", "to": to}, samples) == (
        f"layer 'head_dense1' of {to} has no counterpart of its shape in the model\n"
        "  hint: the architectures may differ in batch normalisation only; give both the same "
        "options"
    )


# -- the check


def test_an_operation_that_breaks_the_answers_fails(model, samples, monkeypatch):
    def spoil(model, step, pictures):
        built = keras.models.clone_model(model)
        built.zoo_anatomy = model.zoo_anatomy
        return Outcome(built, ("spoiled",), tolerance=1e-4)

    operations = import_module("zoo.engine.surgery.apply").OPERATIONS
    monkeypatch.setitem(operations, "fold-bn", spoil)
    with pytest.raises(SurgeryFailure) as caught:
        apply(model, parse({"do": "fold-bn"}), samples)
    assert caught.value.exit_code == 1
    assert caught.value.message.startswith("fold-bn changed the logits by ")
    assert "accepted is 0.0001" in caught.value.message
