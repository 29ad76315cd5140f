from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from zoo import recipe
from zoo.engine import freeze, optimizer
from zoo.errors import RecipeError
from zoo.recipe import Phase


def leg(**changes) -> Phase:
    given = {"name": "p", "epochs": 1, "learning_rate": 0.01}
    return Phase(**{**given, **changes})


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = zoo.build("small-cnn:width=0.05+linear", classes=2, input_size=16, seed=1)
    freeze.free(model, leg())
    return model


def step(model: keras.Model, phase: Phase, gradients: list[np.ndarray]) -> dict[str, np.ndarray]:
    """How far one update moves each variable; the model stays as it was."""
    before = [each.numpy() for each in model.trainable_variables]
    made = optimizer.build(model, phase)
    made.apply([keras.ops.convert_to_tensor(each) for each in gradients])
    moved = {}
    for each, value in zip(model.trainable_variables, before, strict=True):
        moved[each.path] = each.numpy() - value
        each.assign(value)
    return moved


@pytest.mark.parametrize(
    "asked",
    [
        {"optimizer": "sgd", "options": {"momentum": 0.9}},
        {"optimizer": "sgd", "options": {"global_clipnorm": 0.1}},
        {"optimizer": "adam"},
        {"optimizer": "adamw", "options": {"weight_decay": 0.5}},
        {"optimizer": "rmsprop"},
        {"optimizer": "lion"},
    ],
    ids=lambda asked: "-".join([asked["optimizer"], *asked.get("options", {})]),
)
def test_the_ratio_of_the_rates_is_the_ratio_of_the_steps(model, asked):
    """Under optimizers that divide by the gradient too, where a factor on it would do nothing."""
    draws = np.random.default_rng(0)
    gradients = [draws.normal(size=each.shape).astype("f4") for each in model.trainable_variables]
    phase = leg(lowest_rate=0.125, rates={"stage1": 0.75}, **asked)
    slow, plain = step(model, phase, gradients), step(model, leg(**asked), gradients)
    factors = freeze.factors(model, phase)
    assert {round(factors[path], 6) for path in plain} == {0.25, 0.5, 0.75, 1.0}
    for path, value in plain.items():
        np.testing.assert_allclose(slow[path], factors[path] * value, rtol=2e-3, atol=2e-7)


def test_evenly_spaced_over_all_groups_frozen_ones_counted(model):
    spread = freeze.factors(model, leg(train="head", lowest_rate=0.001))
    by_group = {path.split("_")[0].split("/")[0]: factor for path, factor in spread.items()}
    assert by_group["stage1"] == pytest.approx(0.001)
    assert by_group["stage2"] == pytest.approx(0.01)
    assert by_group["stage3"] == pytest.approx(0.1)
    assert by_group["logits"] == 1


def test_a_group_that_is_not_there(model):
    with pytest.raises(RecipeError) as caught:
        freeze.factors(model, leg(rates={"stge1": 0.5}))
    assert str(caught.value) == "phase p: rates names no group 'stge1'; did you mean stage1?"


def test_options_reach_the_optimizer(model):
    made = optimizer.build(model, leg(optimizer="sgd", options={"momentum": 0.75}))
    assert isinstance(made, keras.optimizers.SGD)
    assert made.momentum == 0.75
    assert float(made.learning_rate) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("chosen", "options", "said"),
    [
        ("sgd", {"momentun": 0.9}, "sgd takes no option 'momentun'; did you mean momentum?"),
        (
            "sgd",
            {"x": 0.9},
            "sgd takes no option 'x'; it takes momentum, nesterov, weight_decay, clipnorm, "
            "clipvalue, global_clipnorm, loss_scale_factor",
        ),
        (
            "adam",
            {"clipnorm": 1.0, "clipvalue": 1.0},
            "adam does not take its options: Only one of `clipnorm`, `clipvalue` and "
            "`global_clipnorm` can be set. Received: clipnorm=1.0, clipvalue=1.0, "
            "global_clipnorm=None",
        ),
    ],
)
def test_options_that_an_optimizer_does_not_take(chosen, options, said):
    with pytest.raises(RecipeError) as caught:
        optimizer.check(leg(optimizer=chosen, options=options))
    assert caught.value.message == f"phase p: {said}"


def test_every_option_of_every_recipe_is_taken():
    for name in recipe.names():
        for each in recipe.load(name).phases:
            optimizer.check(each)


@pytest.mark.parametrize("name", ["adam", "adamw", "lamb", "muon", "rmsprop", "sgd"])
def test_optimizers_are_found(model, name):
    assert type(optimizer.build(model, leg(optimizer=name))).__name__.lower() == name


def test_half_precision_scales_the_loss():
    half = zoo.build(
        "small-cnn:width=0.125+linear", classes=2, input_size=16, dtype="mixed_float16"
    )
    assert isinstance(optimizer.build(half, leg()), keras.optimizers.LossScaleOptimizer)
