from __future__ import annotations

import keras
import pytest

import zoo
from zoo.engine import anatomy, freeze
from zoo.errors import Failure, RecipeError
from zoo.recipe import Phase

BATCH_NORM = keras.layers.BatchNormalization


@pytest.fixture
def model() -> keras.Model:
    """Two stages of a convolution with batch normalisation each, and a linear head."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="normalize")(image)
    for stage in ("stage1", "stage2"):
        x = keras.layers.Conv2D(4, 3, strides=2, use_bias=False, name=f"{stage}_conv")(x)
        x = BATCH_NORM(name=f"{stage}_bn", momentum=0.5)(x)
        x = keras.layers.ReLU(name=stage)(x)
    x = keras.layers.Flatten(name="head_flatten")(x)
    logits = keras.layers.Dense(2, name="logits")(x)
    model = keras.Model(image, keras.layers.Activation("softmax", name="probabilities")(logits))
    model.zoo_anatomy = anatomy.Anatomy(
        spec="tiny+linear",
        taps={"stage1": "stage1", "stage2": "stage2"},
        classes=("dark", "light"),
        input_size=(8, 8),
        normalization={},
    )
    return model


def leg(**changes) -> Phase:
    given = {"name": "p", "epochs": 2, "learning_rate": 0.01, "batch_size": 4, "bn": "frozen"}
    return Phase(**{**given, **changes})


def free(model: keras.Model, leg: Phase) -> list[str]:
    """The groups that a phase sets free, after a look at the variables that are."""
    groups = freeze.free(model, leg)
    count = {"head": 2, "stage1": 3, "stage2": 3} if leg.bn == "train" else {"head": 2}
    assert len(model.trainable_variables) == sum(count.get(name, 1) for name in groups)
    return groups


def test_flags_of_an_earlier_phase_are_forgotten(model):
    for _ in range(2):
        assert free(model, leg(train="all", bn="train")) == ["stage1", "stage2", "head"]
        assert free(model, leg(train="last:1")) == ["stage2", "head"]
        assert free(model, leg(train="head")) == ["head"]


def test_batch_normalisation_of_a_head_learns(model):
    # It is new, however much of the backbone is held.
    model = zoo.build("small-cnn:width=0.05+dense-bn:pool=avg:units=4", classes=2, input_size=16)
    freeze.free(model, leg(train="head"))
    learns = [
        layer.name for layer in model.layers if isinstance(layer, BATCH_NORM) and layer.trainable
    ]
    assert learns == [
        layer.name for layer in anatomy.stages(model)["head"] if isinstance(layer, BATCH_NORM)
    ]
    assert learns


def test_more_stages_than_there_are(model):
    with pytest.raises(RecipeError) as caught:
        freeze.free(model, leg(train="last:3"))
    assert str(caught.value) == (
        "phase p trains the last 3 stages; the model has 2: stage1, stage2\n"
        "  hint: write train = 'last:2' or 'all'"
    )


def names(model: keras.Model) -> list[str]:
    return [each.path for each in model.trainable_variables]


def test_from_a_tap_or_a_layer_on(model):
    assert freeze.free(model, leg(train="from:stage2")) == ["stage2", "head"]
    assert names(model) == ["stage2_conv/kernel", "logits/kernel", "logits/bias"]
    assert freeze.free(model, leg(train="from:stage1_bn", bn="train")) == [
        "stage1",
        "stage2",
        "head",
    ]
    assert "stage1_conv/kernel" not in names(model)
    assert "stage1_bn/gamma" in names(model)


def test_from_a_layer_takes_in_what_depends_on_it_and_no_branch_beside_it():
    image = keras.Input((8, 8, 3), name="image")
    both = [keras.layers.Conv2D(2, 1, name=name)(image) for name in ("left", "right")]
    x = keras.layers.Conv2D(2, 1, name="right_on")(both[1])
    joined = keras.layers.Add(name="joined")([both[0], x])
    logits = keras.layers.Dense(2, name="logits")(keras.layers.Flatten(name="flat")(joined))
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(logits))
    model.zoo_anatomy = anatomy.Anatomy("x", {"joined": "joined"}, ("a", "b"), (8, 8), {})
    freeze.free(model, leg(train="from:right"))
    layers = {path.partition("/")[0] for path in names(model)}
    assert layers == {"right", "right_on", "logits"}


@pytest.mark.parametrize(
    ("train", "told"),
    [
        (
            "from:stage3",
            "phase p trains from 'stage3', which is no tap and no layer\n"
            "  hint: did you mean stage2? taps: stage1, stage2",
        ),
        (
            "from:probabilities",
            "phase p trains nothing: what follows 'from:probabilities' has no variables\n"
            "  hint: train = 'head' trains the head, 'all' everything",
        ),
    ],
)
def test_what_cannot_be_trained(model, train, told):
    with pytest.raises(RecipeError) as caught:
        freeze.free(model, leg(train=train))
    assert str(caught.value) == told


def variable(model: keras.Model, path: str) -> keras.Variable:
    return next(each for each in model.variables if each.path == path)


def nudge(model: keras.Model, *paths: str) -> None:
    for path in paths:
        each = variable(model, path)
        each.assign(each.numpy() + 1)


def test_the_contract_counts_what_was_held_and_moved(model):
    phase = leg(train="last:1")
    freeze.free(model, phase)
    contract = freeze.Contract.of(model)
    nudge(model, "stage2_conv/kernel", "logits/kernel")
    assert contract.check(model, phase) == {"held": 9, "moved": 2, "still": ["logits/bias"]}


@pytest.mark.parametrize("path", ["stage1_conv/kernel", "stage2_bn/moving_mean"])
def test_a_frozen_variable_that_moved_breaks_the_contract(model, path):
    phase = leg(train="last:1")
    freeze.free(model, phase)
    contract = freeze.Contract.of(model)
    nudge(model, "stage2_conv/kernel", "logits/kernel", path)
    with pytest.raises(Failure) as caught:
        contract.check(model, phase)
    assert caught.value.message == f"phase p moved what it holds frozen: {path}"
    assert caught.value.exit_code == 1


def test_a_group_that_did_not_move_breaks_the_contract(model):
    phase = leg(train="last:1")
    freeze.free(model, phase)
    contract = freeze.Contract.of(model)
    nudge(model, "logits/kernel")
    with pytest.raises(Failure) as caught:
        contract.check(model, phase)
    assert caught.value.message == (
        "phase p trains stage2, and nothing of it moved: stage2_conv/kernel"
    )


def test_states_of_random_generators_may_move_anywhere(model):
    image = keras.Input((4,), name="image")
    x = keras.layers.Dropout(0.5, name="drop")(image)
    logits = keras.layers.Dense(2, name="logits")(x)
    dropping = keras.Model(image, logits)
    dropping.get_layer("drop").trainable = False
    paths = {each.path for each in freeze.moving(dropping)}
    assert paths == {"drop/seed_generator_state", "logits/kernel", "logits/bias"} or (
        "logits/kernel" in paths and any("seed_generator" in path for path in paths)
    )
