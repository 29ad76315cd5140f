from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.surgery.conftest import trained
from zoo.engine import anatomy
from zoo.engine.surgery.apply import apply
from zoo.engine.surgery.insert import settle
from zoo.errors import DataError, SurgeryError
from zoo.surgery import parse

EVERYWHERE = {"do": "insert-bn", "after": ["dense", "conv"]}


def answers(model: keras.Model, images: np.ndarray) -> np.ndarray:
    scores = keras.Model(model.input, anatomy.logits_tensor(model))
    return np.asarray(scores(images.astype("float32"), training=False))


@pytest.fixture(scope="module")
def inserted(model, samples):
    return apply(model, parse(EVERYWHERE), samples)


def test_the_answers_stay_with_dead_and_nearly_constant_units(model, inserted, images):
    built, certificate, before = inserted
    reference = answers(model, images)

    change = np.abs(answers(built, images) - reference).max() / np.abs(reference).max()
    assert change < 1e-5
    assert certificate.relative == pytest.approx(change, abs=1e-9)
    assert certificate.agreement == 1.0
    assert certificate.pictures == 20
    assert certificate.tolerance == 1e-4
    assert np.allclose(before, reference, atol=1e-6)
    rows = certificate.details["batch_norm"]
    assert len(rows) == 10
    assert all(row["dead"] >= 1 for row in rows.values())
    assert all(row["tiny"] >= 1 for row in rows.values())


def test_the_root_without_epsilon_does_not_preserve_and_kills_dead_units(model, inserted, images):
    """What a reader of the formula would write first; 1e-4 is what the certificate accepts."""
    built, _, _ = inserted
    naive = keras.models.clone_model(built)
    naive.set_weights(built.get_weights())
    naive.zoo_anatomy = built.zoo_anatomy
    for layer in naive.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(np.sqrt(np.asarray(layer.moving_variance)))
    reference = answers(model, images)

    change = np.abs(answers(naive, images) - reference).max() / np.abs(reference).max()
    assert change > 1e-2
    assert np.asarray(naive.get_layer("head_dense1_bn").gamma)[0] == 0.0
    alive = np.asarray(built.get_layer("head_dense1_bn").gamma)[0]
    assert alive == pytest.approx(np.sqrt(1e-3), rel=1e-6)


def test_the_statistics_are_those_of_the_layer_it_follows(model, inserted, images):
    built, _, _ = inserted
    for name in ("block1_conv1", "head_dense2"):
        seen = np.asarray(keras.Model(model.input, model.get_layer(name).output)(images * 1.0))
        seen = seen.reshape(-1, seen.shape[-1]).astype("float64")
        layer = built.get_layer(f"{name}_bn")
        assert np.allclose(layer.moving_mean, seen.mean(axis=0), rtol=1e-5, atol=1e-7)
        assert np.allclose(layer.moving_variance, seen.var(axis=0), rtol=1e-4, atol=1e-12)


def test_before_the_activation_it_sees_what_the_layer_computes(model, samples, images):
    step = parse({"do": "insert-bn", "after": ["block*_conv?"], "place": "activation"})
    built, certificate, _ = apply(model, step, samples)

    assert certificate.relative < 1e-5
    around = [layer.name for layer in built.layers]
    at = around.index("block1_conv1")
    assert around[at : at + 3] == ["block1_conv1", "block1_conv1_bn", "block1_conv1_activation"]
    assert built.get_layer("block1_conv1").activation is keras.activations.linear
    # The unit with a bias of -1000 is dead behind its ReLU and alive before it.
    assert all(row["dead"] == 0 for row in certificate.details["batch_norm"].values())


def test_folding_what_was_inserted_gives_the_model_back(model, inserted, samples, images):
    built, _, _ = inserted
    folded, certificate, _ = apply(built, parse({"do": "fold-bn"}), samples)

    assert [layer.name for layer in folded.layers] == [layer.name for layer in model.layers]
    for layer in model.layers:
        for old, new in zip(layer.get_weights(), folded.get_layer(layer.name).get_weights(),
                            strict=True):  # fmt: skip
            assert np.allclose(old, new, rtol=1e-6, atol=1e-6)
    reference = answers(model, images)
    assert np.abs(answers(folded, images) - reference).max() <= 1e-5 * np.abs(reference).max()
    assert certificate.holds


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3),
    st.lists(st.floats(0, 1e4, width=32), min_size=3, max_size=3),
    st.sampled_from([1e-5, 1e-3]),
)
def test_any_settled_statistics_are_the_identity(mean, variance, epsilon):
    layer = keras.layers.BatchNormalization(epsilon=epsilon)
    layer.build((None, 3))
    settle(layer, np.array(mean), np.array(variance))
    values = np.random.default_rng(0).normal(size=(50, 3)) * np.sqrt(variance) + mean
    values = values.astype("float32")

    given_back = np.asarray(layer(values, training=False))
    assert np.abs(given_back - values).max() <= 1e-6 * max(1.0, np.abs(values).max())


def test_a_floor_lifts_small_variances_and_still_preserves(model, samples):
    step = parse({"do": "insert-bn", "after": ["head_dense*"], "floor": 0.25})
    built, certificate, _ = apply(model, step, samples)

    assert certificate.relative < 1e-5
    assert float(np.min(built.get_layer("head_dense1_bn").moving_variance)) == 0.25


def test_under_mixed_precision_the_statistics_stay_in_float32(samples):
    half = trained(dtype="mixed_bfloat16")
    built, certificate, _ = apply(half, parse({"do": "insert-bn", "after": ["dense"]}), samples)

    assert built.get_layer("head_dense1_bn").dtype_policy.name == "float32"
    assert certificate.dtype == "mixed_bfloat16"
    assert certificate.relative <= 2e-2


def test_taps_follow_what_is_inserted_behind_them(samples):
    from zoo.engine.anatomy import Anatomy

    image = keras.Input((32, 32, 3), name="image")
    conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(conv)
    logits = keras.layers.Dense(2, name="logits")(pooled)
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))
    model.zoo_anatomy = Anatomy("", {"stage1": "conv"}, ("a", "b"), (32, 32), {}, {})

    built, _, _ = apply(model, parse({"do": "insert-bn", "after": ["conv"]}), samples)
    assert built.zoo_anatomy.taps == {"stage1": "conv_bn"}
    assert built.zoo_anatomy.resolved["surgery"] == [{"do": "insert-bn", "after": ["conv"]}]
    assert [layer.name for layer in anatomy.stages(built)["stage1"]] == ["conv", "conv_bn"]


def refusal(model, step, samples) -> str:
    with pytest.raises((SurgeryError, DataError)) as caught:
        apply(model, parse(step), samples)
    return str(caught.value)


def test_what_cannot_be_done_is_said(model, samples):
    insert = {"do": "insert-bn", "after": ["head_dens1"]}
    assert refusal(model, insert, samples) == (
        "the model has no Dense or convolution layer 'head_dens1'\n"
        "  hint: did you mean head_dense1, head_dense2?"
    )
    assert refusal(model, insert | {"after": ["block1_pool"]}, samples).startswith(
        "layer 'block1_pool' is of kind MaxPooling2D; accepted: Dense or convolution layer\n"
    )
    assert refusal(model, insert | {"after": ["logits"]}, samples) == (
        "layer 'logits' gives the scores that softmax or sigmoid turns into probabilities: "
        "nothing can stand between them\n  hint: insert it after the layer before"
    )
    assert refusal(model, insert | {"after": ["dense"]}, samples[:15]) == (
        "15 pictures are too few to calibrate and check with, accepted are 16 or more"
    )
    assert refusal(model, insert | {"after": ["dense"]}, samples[:1] * 20) == (
        "what reaches head_dense1_bn is the same for every picture: nothing to calibrate with\n"
        "  hint: give pictures that differ, or leave that layer out with --skip"
    )


def test_a_second_insertion_at_the_same_place_is_refused(inserted, samples):
    step = {"do": "insert-bn", "after": ["head_dense1"]}
    assert refusal(inserted[0], step, samples) == (
        "the model has a layer 'head_dense1_bn' already: it was inserted before\n"
        "  hint: zoo surgery fold-bn takes it out again"
    )


def test_a_shared_layer_is_refused(samples):
    image = keras.Input((32, 32, 3), name="image")
    shared = keras.layers.Conv2D(3, 1, name="shared")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(shared(shared(image)))
    logits = keras.layers.Dense(2, name="logits")(pooled)
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))

    assert refusal(model, {"do": "insert-bn", "after": ["shared"]}, samples) == (
        "layer 'shared' is shared: it is called at several places of the model\n"
        "  hint: a change would be right at one of them only; leave it out with --skip"
    )


def test_softmax_inside_is_refused(samples):
    image = keras.Input((32, 32, 3), name="image")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(
        keras.layers.Conv2D(3, 1, name="conv")(image)
    )
    weighed = keras.layers.Dense(3, activation="softmax", name="weighed")(pooled)
    logits = keras.layers.Dense(2, name="logits")(weighed)
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))

    assert refusal(model, {"do": "insert-bn", "after": ["weighed"]}, samples) == (
        "layer 'weighed' ends in softmax, whose values sum to 1; normalised they would not\n"
        "  hint: insert it after the layer before"
    )
