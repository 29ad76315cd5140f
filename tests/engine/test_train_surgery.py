"""Operations before a phase: certified, trained on, verified, and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo import recipe as recipes
from zoo.engine import phase, run
from zoo.engine.surgery import recheck
from zoo.engine.train import resume
from zoo.errors import RecipeError

SPEC = "small-cnn:width=0.05+dense:units=8"
INSERT = {"do": "insert-bn", "after": ["head_dense*"]}
RECIPE = recipes.Recipe(
    name="normalised",
    phases=(
        recipes.Phase(name="dense", train="head", epochs=1, learning_rate=0.01),
        recipes.Phase(
            name="normalised",
            train="head",
            epochs=2,
            learning_rate=0.01,
            surgery=(INSERT, {"do": "dropout", "rate": 0.6}),
        ),
    ),
)


@pytest.fixture(scope="module")
def colours(noisy: Callable[[int], Path]) -> Path:
    return noisy(60)


def train(pictures: Path, out: Path) -> run.Run:
    return zoo.train(
        SPEC, pictures, out=out, recipe=RECIPE, batch_size=16, input_size=16, quiet=True
    )


@pytest.fixture(scope="module")
def whole(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> run.Run:
    return train(colours, tmp_path_factory.mktemp("runs") / "whole")


def weights(made: run.Run) -> dict[str, np.ndarray]:
    # Keras numbers the states of random generators anew in each model of a process.
    found = {v.path: v.numpy() for v in zoo.load(made.path).variables}
    return {path: value for path, value in found.items() if "seed_generator" not in path}


def test_the_operations_are_certified_and_trained_on(whole: run.Run):
    model = zoo.load(whole.path)
    assert [layer.name for layer in model.layers][-5:] == [
        "head_dense1", "head_dense1_bn", "head_dropout1", "logits", "probabilities",
    ]  # fmt: skip
    assert model.get_layer("head_dropout1").rate == 0.6
    rows = whole.facts["surgery"]
    assert [row["step"]["do"] for row in rows] == ["insert-bn", "dropout"]
    assert rows[0]["relative"] < 1e-5
    assert rows[1]["largest"] == 0.0
    assert whole.facts["resolved"]["surgery"] == [INSERT, {"do": "dropout", "rate": 0.6}]
    assert whole.facts["parameters"] == model.count_params()
    # It was trained on: its statistics moved, and the certificate is of the model kept apart.
    kept = zoo.load(whole.path / rows[0]["model"]).get_layer("head_dense1_bn")
    trained = model.get_layer("head_dense1_bn")
    assert not np.array_equal(kept.moving_mean, trained.moving_mean)
    assert recheck(whole.path)["measured"]["largest"] == 0.0
    assert "insert-bn" in (whole.path / "report.html").read_text()


def test_what_was_cut_short_after_an_operation_ends_the_same(
    colours: Path, whole: run.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    really, calls = phase.fit, []

    def fit(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            kwargs["callbacks"] = [*kwargs["callbacks"], Stop()]
        return really(*args, **kwargs)

    monkeypatch.setattr(phase, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        train(colours, tmp_path / "run")
    monkeypatch.setattr(phase, "fit", really)
    made = resume(tmp_path / "run", quiet=True)

    resumed, reference = weights(made), weights(whole)
    assert resumed.keys() == reference.keys()
    assert all(np.array_equal(resumed[name], reference[name]) for name in reference)
    assert [row["relative"] for row in made.facts["surgery"]] == [
        row["relative"] for row in whole.facts["surgery"]
    ]


class Stop(keras.callbacks.Callback):
    """Ends the process's training in the second epoch of a phase."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"do": "insert-nb"}, "surgery: no operation called 'insert-nb'; did you mean insert-bn?"),
        (
            {"do": "convolve", "input_size": [64, 64]},
            "surgery: convolve changes what the model takes or tells apart; accepted while it "
            "trains: insert-bn, fold-bn, dropout, head, copy, convert",
        ),
    ],
)
def test_what_cannot_be_done_before_a_phase_is_said(step, said, tmp_path):
    path = tmp_path / "mine.toml"
    spelled = ", ".join(f"{key} = {value!r}".replace("'", '"') for key, value in step.items())
    path.write_text(
        f'[[phases]]\nname = "all"\nepochs = 1\nlearning_rate = 1.0\nsurgery = [{{ {spelled} }}]\n'
    )
    with pytest.raises(RecipeError) as caught:
        recipes.load(path)
    assert str(caught.value) == f"{path}: phase all.{said}"


def test_the_recipe_of_the_course_names_its_operation(tmp_path):
    chosen = recipes.load("imagenet-batchnorm")
    assert [step["do"] for leg in chosen.phases for step in leg.surgery] == ["insert-bn"]
    path = tmp_path / "again.toml"
    path.write_text(recipes.to_toml(chosen))
    assert recipes.load(path) == chosen
