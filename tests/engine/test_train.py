from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import lock, registry
from zoo import recipe as recipes
from zoo.engine import data, phase, run
from zoo.errors import DataError, RecipeError, RunError

SPEC = "small-cnn:width=0.05+linear"
QUICK = recipes.Recipe(
    name="quick",
    phases=(recipes.Phase(name="all", train="all", bn="train", epochs=3, learning_rate=0.03),),
)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Forty noisy pictures of 16 x 16 pixels, reddish or bluish."""
    draws = np.random.default_rng(0)
    root = tmp_path / "colours"
    for number in range(40):
        name, channel = (("blue", 2), ("red", 0))[number % 2]
        pixels = draws.integers(0, 100, (16, 16, 3))
        pixels[..., channel] += 120
        place = root / name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
    return root


def train(pictures: Path, out: Path, **asked) -> run.Run:
    given = {"recipe": QUICK, "epochs": 3, "batch_size": 14, "input_size": 16, "quiet": True}
    return zoo.train(SPEC, pictures, out=out, **{**given, **asked})


def weights(made: run.Run) -> dict[str, np.ndarray]:
    return {v.path: v.numpy() for v in zoo.load(made.path).variables}


def test_a_run_is_whole(pictures: Path, tmp_path: Path):
    made = train(pictures, tmp_path / "run", policy="light:rotation=5")
    assert sorted(path.name for path in made.path.iterdir()) == [
        "card.md",
        "checkpoints",
        "history.csv",
        "metrics.json",
        "model.keras",
        "recipe.toml",
        "report.html",
        "run.json",
        "zoo.lock",
    ]
    assert lock.read(made.path) == lock.of(registry.load())
    assert [path.name for path in made.checkpoints.iterdir()] == ["1-all.weights.h5"]

    assert (made.metrics["split"], made.metrics["pictures"]) == ("test", 6)
    first, _, last = made.history()
    assert last["loss"] < first["loss"]

    facts = json.loads((made.path / "run.json").read_text())
    assert facts == dict(made.facts)
    assert facts["spec"] == SPEC
    assert facts["classes"] == ["blue", "red"]
    assert facts["input_size"] == [16, 16]
    assert facts["policy"] == "light:rotation=5"
    assert facts["transforms"]["all"][0] == {"transform": "rotate", "degrees": 5.0}
    assert facts["recipe"] == "quick"
    assert facts["seed"] == 0
    assert facts["dtype"] == "float32"
    assert facts["resolved"]["backbone"]["options"] == {"width": 0.05}
    assert facts["data"]["root"] == str(pictures)
    assert facts["data"]["digest"] == data.read(pictures).digest
    assert facts["data"]["pictures"] == {"train": 28, "val": 6, "test": 6}
    assert facts["unreadable"] == {}
    assert facts["parameters"] == zoo.load(made.path).count_params()
    assert facts["versions"]["keras"] == keras.__version__
    assert set(facts["timings"]) == {"phases", "evaluate", "total"}

    stored = recipes.load(made.path / "recipe.toml")
    assert stored.phases[0].epochs == 3
    assert stored.phases[0].policy == "light:rotation=5"


def test_the_model_that_is_stored_is_the_one_that_was_scored(pictures: Path, tmp_path: Path):
    made = train(pictures, tmp_path / "run")
    model = zoo.load(made.path)
    assert all(layer.trainable for layer in model.layers)
    scored = zoo.evaluate(made.path, pictures)
    assert scored["loss"] == pytest.approx(made.metrics["loss"], rel=1e-5)
    # The weights of the best epoch, whose validation loss the history tells.
    best = min(row["val_loss"] for row in made.history())
    assert zoo.evaluate(made.path, pictures, split="val")["loss"] == pytest.approx(best, rel=1e-3)


def test_the_seed_decides_everything(pictures: Path, tmp_path: Path):
    asked = {"policy": "light", "epochs": 1}
    one, two, other = (
        train(pictures, tmp_path / name, seed=seed, **asked)
        for name, seed in (("one", 3), ("two", 3), ("other", 4))
    )
    first, second, third = weights(one), weights(two), weights(other)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not all(np.array_equal(first[name], third[name]) for name in first)
    timed = {"seconds"}
    for a, b in zip(one.history(), two.history(), strict=True):
        assert {k: v for k, v in a.items() if k not in timed} == {
            k: v for k, v in b.items() if k not in timed
        }


def test_phases_follow_one_another(pictures: Path, tmp_path: Path, capsys):
    made = train(pictures, tmp_path / "run", recipe="finetune", epochs=1, quiet=False)
    assert [(row["phase"], row["epoch"]) for row in made.history()] == [
        ("head", 1),
        ("last-stage", 2),
    ]
    assert sorted(path.name for path in made.checkpoints.iterdir()) == [
        "1-head.weights.h5",
        "2-last-stage.weights.h5",
    ]
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert f"{SPEC} on {pictures}: 2 classes, 28 train, 6 val, 6 test" in lines
    assert (
        "note: the backbone has random weights and the recipe finetune holds most of it; "
        "--recipe scratch trains all of it"
    ) in lines
    assert "phase head: head (2 variables, 12 numbers), adam at 0.001, batches of 14" in lines
    (line,) = [line for line in lines if line.startswith("last-stage 1/1  loss ")]
    assert "  val_accuracy " in line


def test_unreadable_pictures_are_left_out_and_named(pictures: Path, tmp_path: Path, monkeypatch):
    broken = data.read(pictures).split("train")[3].path
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError) as caught:
        train(pictures, tmp_path / "run", epochs=1)
    assert caught.value.message.startswith("1 of 28 pictures cannot be decoded, at most 0 may be: ")
    assert not (tmp_path / "run.unfinished").exists()

    tolerate = data.tolerate
    monkeypatch.setattr(data, "tolerate", lambda samples: tolerate(samples, 0.1))
    made = train(pictures, tmp_path / "run", epochs=1)
    assert list(made.facts["unreadable"]) == [broken.relative_to(pictures).as_posix()]


def test_plugins_add_callbacks(pictures: Path, tmp_path: Path, install):
    install(
        "acme-zoo",
        {
            "registry.toml": 'schema = 1\nhooks = "acme_zoo.hooks"\n',
            "hooks.py": """
                from zoo.api import hookimpl

                @hookimpl
                def zoo_callbacks(run):
                    import keras

                    class Count(keras.callbacks.Callback):
                        def on_epoch_end(self, epoch, logs=None):
                            with (run / "acme.txt").open("a") as file:
                                file.write(f"{epoch} {sorted(logs)}\\n")

                    return [Count()]
            """,
        },
        entry="acme",
    )
    made = train(pictures, tmp_path / "run", epochs=2)
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert (made.path / "acme.txt").read_text() == f"0 {names}\n1 {names}\n"


def test_ctrl_c_leaves_what_was_reached(pictures: Path, tmp_path: Path, monkeypatch):
    write = phase.Epochs.on_epoch_end

    def interrupt(self, epoch, logs=None):
        write(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(phase.Epochs, "on_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(pictures, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    left = tmp_path / "run.unfinished"
    assert sorted(path.name for path in left.iterdir()) == [
        "checkpoints",
        "history.csv",
        "recipe.toml",
        "run.json",
        "zoo.lock",
    ]
    assert len(run.Run(left, {}).history()) == 2
    assert [path.name for path in (left / "checkpoints").iterdir()] == ["1-all.weights.h5"]
    with pytest.raises(RunError, match="did not finish"):
        run.open(tmp_path / "run")


def test_what_does_not_fit_is_refused_before_anything_is_written(pictures: Path, tmp_path: Path):
    before = sorted(tmp_path.rglob("*"))
    deep = recipes.Recipe(
        name="deep",
        phases=(recipes.Phase(name="all", train="last:9", epochs=1, learning_rate=0.1),),
    )
    with pytest.raises(RecipeError, match="trains the last 9 stages; the model has 3"):
        train(pictures, tmp_path / "run", recipe=deep)
    lonely = data.read(pictures, val=0)
    with pytest.raises(DataError) as caught:
        train(lonely, tmp_path / "run")
    assert str(caught.value) == (
        f"{pictures} has no pictures to validate with\n"
        "  hint: give at least two pictures of each class, or a train/ and a val/ folder"
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_digits_are_learnt(tmp_path: Path):
    from zoo.engine import generate

    generate.digits(tmp_path / "digits")
    made = zoo.train(
        "small-cnn+linear",
        tmp_path / "digits",
        out=tmp_path / "run",
        recipe="scratch",
        epochs=12,
        input_size=32,
        quiet=True,
    )
    assert made.metrics["accuracy"] >= 0.97
