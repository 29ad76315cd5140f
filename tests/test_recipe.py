from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import phase, recipe, schedule
from zoo.errors import RecipeError
from zoo.recipe import Phase, Recipe

PHASE = '[[phases]]\nname = "a"\nepochs = 2\nlearning_rate = 1e-3\n'

KEYS = ", ".join(Phase.model_fields)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
share = st.floats(0, 0.99)
schedules = st.one_of(
    st.builds(schedule.Constant, warmup=share),
    st.builds(schedule.Cosine, warmup=share, floor=share),
    st.builds(schedule.OneCycle, rise=st.floats(0.01, 0.99), end=share),
    st.builds(schedule.Step, at=st.lists(share, max_size=3).map(tuple), by=st.floats(0.01, 1)),
    st.builds(schedule.Plateau, patience=st.integers(1, 9), by=st.floats(0.01, 0.99)),
)
phases = st.builds(
    Phase,
    name=st.lists(st.text("az09", min_size=1, max_size=5), min_size=1, max_size=3).map("-".join),
    train=st.sampled_from(["head", "all", "last:1", "last:12", "from:block5", "from:a/b.c-1_d"]),
    epochs=st.integers(1, 1000),
    learning_rate=st.floats(1e-12, 1e3),
    lowest_rate=st.floats(1e-6, 1),
    rates=st.dictionaries(text, st.floats(0, 10), max_size=2),
    schedule=schedules,
    optimizer=st.sampled_from(recipe.OPTIMIZERS),
    options=st.dictionaries(
        text.filter(lambda key: key not in phase.OWN_KEYS),
        st.booleans() | st.integers(-(2**62), 2**62) | text,
        max_size=3,
    ),
    batch_size=st.integers(8, 4096),
    accumulate=st.integers(1, 8),
    patience=st.none() | st.integers(1, 100),
    min_delta=st.floats(0, 1),
    bn=st.sampled_from(["frozen", "train"]),
    label_smoothing=st.floats(0, 0.99),
    auxiliary=st.floats(0, 10),
    class_weights=st.none()
    | st.just("balanced")
    | st.dictionaries(text, st.floats(0, 10), max_size=2),
    ema=st.none() | st.floats(0.01, 0.99),
    policy=st.none() | text,
    cache=st.booleans(),
)


@given(text.filter(lambda t: len(t) <= 500), st.lists(phases, min_size=1, max_size=3))
def test_what_is_written_is_read_back(summary: str, legs: list[Phase]):
    legs = list({leg.name: leg for leg in legs}.values())
    written = Recipe(name="r", summary=summary, phases=tuple(legs))
    assert Recipe.model_validate(tomllib.loads(recipe.to_toml(written))) == written


@pytest.mark.parametrize("name", recipe.names())
def test_our_own_recipes_are_whole(name: str):
    loaded = recipe.load(name)
    assert loaded.name == name
    assert loaded.summary.endswith(".")
    assert "\n" not in loaded.summary


def test_finetune_trains_the_head_then_all_of_it():
    head, all_ = recipe.load("finetune").phases
    assert (head.stages, all_.stages) == (0, None)
    assert head.bn == all_.bn == "frozen"
    assert all_.lowest_rate < 1


def test_scratch_trains_everything():
    (leg,) = recipe.load("scratch").phases
    assert leg.stages is None
    assert leg.bn == "train"


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
            f"phase a.zzz is unknown; keys: {KEYS}",
        ),
        ("[[phases]]\nname = 'a'\nepochs = 1", "phase a.learning_rate is missing"),
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
            "phase a.optimizer: received 'rmspop'; did you mean rmsprop?",
        ),
        (
            f"{PHASE}train = 'last'",
            "phase a.train: received 'last'; accepted: head, all, last:N or from:NAME",
        ),
        (
            PHASE.replace("epochs = 2\n", ""),
            "phase a.epochs: a phase takes epochs or steps, received neither",
        ),
        (
            f"{PHASE}steps = 3",
            "phase a.epochs: a phase takes epochs or steps, received both",
        ),
        (
            f"{PHASE}options = {{ use_ema = true }}",
            "phase a.options.use_ema: write ema = ... in the phase instead",
        ),
        (
            f"{PHASE}options = {{ momentum = [1] }}",
            "phase a.options.momentum: an option is a number, a text, true or false",
        ),
        (
            f"{PHASE}batch_size = 2\naccumulate = 4",
            "phase a.accumulate: a batch of 2 has no 4 parts",
        ),
        (
            f"{PHASE}views = 4",
            "phase a.views: they need a policy that makes them and cache = true",
        ),
        (
            f"{PHASE}class_weights = 'balance'",
            "phase a.class_weights: accepted are 'balanced' and a table of factors by class name, "
            "received 'balance'",
        ),
        (
            f"{PHASE}schedule = 'cosin'",
            "phase a.schedule: received 'cosin'; did you mean cosine?",
        ),
        (
            f"{PHASE}schedule = {{ warmup = 0.1 }}",
            "phase a.schedule: received no kind; accepted: constant, cosine, one-cycle, step, "
            "plateau",
        ),
        (
            f"{PHASE}schedule = {{ kind = 'cosine', warmpu = 0.1 }}",
            "phase a.schedule.warmpu is unknown; did you mean warmup?",
        ),
        (
            f"{PHASE}schedule = {{ kind = 'cosine', warmup = 1 }}",
            "phase a.schedule.warmup: input should be less than 1, received 1",
        ),
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
            f"phase a.a is unknown; keys: {KEYS}; phase a.b is unknown; did you mean bn? "
            "(and 1 more)",
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
            "no recipe named 'fintune'\n  hint: did you mean finetune? zoo recipe list shows all, "
            "and files: PATH.toml",
        ),
        (
            "xyz",
            "no recipe named 'xyz'\n  hint: zoo recipe list shows all, and files: PATH.toml",
        ),
        (
            "no/my.toml",
            "no recipe file no/my.toml\n  hint: zoo recipe list shows those with names",
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
            "all.learning_rate=1e-4",
            "all.options={}",
            "all.options.momentum=0.9",
            "all.optimizer=sgd",
            "all.schedule=cosine",
            "all.schedule.warmup=0.1",
            "all.rates.head=2",
            "all.steps=70",
            'head.policy="light"',
            "dtype=mixed_bfloat16",
        ],
        batch_size=8,
        patience=None,
    )
    head, last = changed.phases
    assert (head.epochs, head.batch_size, head.policy) == (3, 8, "light")
    assert (last.epochs, last.steps, last.batch_size, last.learning_rate) == (None, 70, 8, 1e-4)
    assert (last.optimizer, last.options) == ("sgd", {"momentum": 0.9})
    assert last.schedule == schedule.Cosine(warmup=0.1)
    assert last.rates == {"head": 2}
    assert changed.dtype == "mixed_bfloat16"
    assert recipe.override(changed, epochs=4).phases[1].steps is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "epochs",
            "'epochs' changes nothing\n  hint: write PHASE.KEY=VALUE, such as head.epochs=3",
        ),
        (
            "heads.epochs=3",
            "the recipe finetune has no phase 'heads'\n  hint: phases: head, all",
        ),
        (
            "dtype=float",
            "recipe finetune: dtype: input should be 'float32', 'mixed_bfloat16' or "
            "'mixed_float16', received 'float'",
        ),
        (
            "head.schedule=cosin",
            "recipe finetune: phase head.schedule: received 'cosin'; did you mean cosine?",
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


def test_recipes_of_plugins_bear_their_namespace(acme: Path):
    from zoo import registry

    folder = acme / "recipes"
    folder.mkdir()
    (folder / "quick.toml").write_text(PHASE)
    plugins = registry.load().recipes()
    assert plugins == {"acme/quick": folder / "quick.toml"}
    assert recipe.load("acme/quick", plugins).phases[0].name == "a"
    assert list(recipe.files(plugins))[:1] == ["acme/quick"]
    with pytest.raises(RecipeError, match=r"did you mean acme/quick\?"):
        recipe.load("acme/quik", plugins)
