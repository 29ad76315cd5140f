from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import recipe
from zoo.errors import RecipeError
from zoo.recipe import Phase, Recipe

PHASE = '[[phases]]\nname = "a"\nepochs = 2\nlearning_rate = 1e-3\n'

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
phases = st.builds(
    Phase,
    name=st.lists(st.text("az09", min_size=1, max_size=5), min_size=1, max_size=3).map("-".join),
    train=st.sampled_from(["head", "all", "last:1", "last:12"]),
    epochs=st.integers(1, 1000),
    learning_rate=st.floats(1e-12, 1e3),
    optimizer=st.sampled_from(recipe.OPTIMIZERS),
    options=st.dictionaries(text, st.booleans() | st.integers(-(2**62), 2**62) | text, max_size=3),
    batch_size=st.integers(1, 4096),
    patience=st.none() | st.integers(1, 100),
    bn=st.sampled_from(["frozen", "train"]),
    label_smoothing=st.floats(0, 0.99),
    auxiliary=st.floats(0, 10),
    policy=st.none() | text,
)


@given(text.filter(lambda t: len(t) <= 500), st.lists(phases, min_size=1, max_size=3))
def test_what_is_written_is_read_back(summary: str, legs: list[Phase]):
    legs = list({phase.name: phase for phase in legs}.values())
    written = Recipe(name="r", summary=summary, phases=tuple(legs))
    assert Recipe.model_validate(tomllib.loads(recipe.to_toml(written))) == written


@pytest.mark.parametrize("name", recipe.names())
def test_our_own_recipes_are_whole(name: str):
    loaded = recipe.load(name)
    assert loaded.name == name
    assert loaded.summary.endswith(".")
    assert "\n" not in loaded.summary


def test_finetune_trains_the_head_then_the_last_stage():
    head, last = recipe.load("finetune").phases
    assert (head.stages, last.stages) == (0, 1)
    assert head.bn == last.bn == "frozen"
    assert last.learning_rate == pytest.approx(head.learning_rate / 100)


def test_scratch_trains_everything():
    (phase,) = recipe.load("scratch").phases
    assert phase.stages is None
    assert phase.bn == "train"


def test_the_optimizers_are_those_of_keras():
    import keras

    public = {
        name.lower()
        for name, value in vars(keras.optimizers).items()
        if isinstance(value, type) and issubclass(value, keras.optimizers.Optimizer)
    }
    wrappers = {"optimizer", "lossscaleoptimizer", "multioptimizer", "optimizermap"}
    assert set(recipe.OPTIMIZERS) == public - wrappers


def refused(path: Path, toml: str) -> str:
    path.write_text(toml)
    with pytest.raises(RecipeError) as caught:
        recipe.load(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("", "phases is missing"),
        ("phases = 3", "phases: a recipe has one or more [[phases]] tables"),
        ("phases = []", "phases: a recipe has one or more [[phases]] tables"),
        ("phases = [1]", "phase 1: a recipe has one or more [[phases]] tables"),
        (f"sumary = 'x'\n{PHASE}", "sumary is unknown; did you mean summary?"),
        (
            f"{PHASE}epoch = 3",
            "phase a.epoch is unknown; did you mean epochs?",
        ),
        (
            f"{PHASE}zzz = 3",
            "phase a.zzz is unknown; keys: name, train, epochs, learning_rate, optimizer, "
            "options, batch_size, patience, bn, label_smoothing, auxiliary, policy",
        ),
        ("[[phases]]\nname = 'a'\nlearning_rate = 1", "phase a.epochs is missing"),
        (
            PHASE.replace("2", "0"),
            "phase a.epochs: input should be greater than or equal to 1, received 0",
        ),
        (
            PHASE.replace("1e-3", "'fast'"),
            "phase a.learning_rate: input should be a valid number, unable to parse string as a "
            "number, received 'fast'",
        ),
        (
            PHASE.replace("1e-3", "inf"),
            "phase a.learning_rate: input should be a finite number, received inf",
        ),
        (
            f"{PHASE}optimizer = 'rmspop'",
            "phase a optimizer: received 'rmspop'; did you mean rmsprop?",
        ),
        (f"{PHASE}train = 'last'", "phase a.train: received 'last'; accepted: head, all or last:N"),
        (
            f"{PHASE}bn = 'learn'",
            "phase a.bn: input should be 'frozen' or 'train', received 'learn'",
        ),
        (
            f"{PHASE}label_smoothing = 1.0",
            "phase a.label_smoothing: input should be less than 1, received 1.0",
        ),
        (f"{PHASE}{PHASE}", "phases: two phases have one name: a, a"),
        (
            PHASE.replace('"a"', '"A b"'),
            "phase A b.name: received 'A b'; accepted: lower-case words joined by -",
        ),
        (
            f"{PHASE}a = 1\nb = 2\nc = 3",
            "phase a.a is unknown; keys: name, train, epochs, learning_rate, optimizer, options, "
            "batch_size, patience, bn, label_smoothing, auxiliary, policy; phase a.b is unknown; "
            "did you mean bn? (and 1 more)",
        ),
    ],
)
def test_what_breaks_the_schema_is_told(tmp_path: Path, toml: str, told: str):
    assert refused(tmp_path / "my.toml", toml) == told


def test_what_is_no_toml_is_told(tmp_path: Path):
    told = refused(tmp_path / "my.toml", "phases = [")
    assert told.startswith("not TOML: ")
    assert told.endswith("hint: see toml.io for the syntax")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "fintune",
            "no recipe named 'fintune'\n  hint: did you mean finetune? there are finetune, head, "
            "scratch, and files: PATH.toml",
        ),
        (
            "xyz",
            "no recipe named 'xyz'\n  hint: there are finetune, head, scratch, and files: "
            "PATH.toml",
        ),
        (
            "no/my.toml",
            "no recipe file no/my.toml\n  hint: recipes by name: finetune, head, scratch",
        ),
    ],
)
def test_a_recipe_that_is_not_there(name: str, told: str):
    with pytest.raises(RecipeError) as caught:
        recipe.load(name)
    assert str(caught.value) == told


def test_a_file_needs_no_name(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(PHASE)
    loaded = recipe.load(path)
    assert loaded.name == "mine"
    assert loaded.phases[0].batch_size == 32


def test_single_values_are_changed():
    changed = recipe.override(
        recipe.load("finetune"),
        [
            "head.epochs=3",
            "last-stage.learning_rate=1e-4",
            "last-stage.options.momentum=0.9",
            "last-stage.optimizer=sgd",
            'head.policy="light"',
        ],
        batch_size=8,
        epochs=None,
    )
    head, last = changed.phases
    assert (head.epochs, head.batch_size, head.policy) == (3, 8, "light")
    assert (last.epochs, last.batch_size, last.learning_rate) == (20, 8, 1e-4)
    assert (last.optimizer, last.options) == ("sgd", {"momentum": 0.9})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "epochs",
            "'epochs' changes nothing\n  hint: write PHASE.KEY=VALUE, such as head.epochs=3",
        ),
        (
            "heads.epochs=3",
            "the recipe finetune has no phase 'heads'\n  hint: phases: head, last-stage",
        ),
        (
            "head.epoch=3",
            "recipe finetune: phase head.epoch is unknown; did you mean epochs?",
        ),
        (
            "head.epochs=many",
            "recipe finetune: phase head.epochs: input should be a valid integer, unable to parse "
            "string as an integer, received 'many'",
        ),
    ],
)
def test_a_change_that_cannot_be_made(change: str, told: str):
    with pytest.raises(RecipeError) as caught:
        recipe.override(recipe.load("finetune"), [change])
    assert str(caught.value) == told
