from __future__ import annotations

import errno
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import lock, registry, transform
from zoo import policy as policies
from zoo import recipe as recipes
from zoo.engine import checkpoint, data, history, phase, run, shelf
from zoo.errors import DataError, PolicyError, RecipeError, RunError

SPEC = "small-cnn:width=0.05+linear"
QUICK = recipes.Recipe(
    name="quick",
    phases=(recipes.Phase(name="all", train="all", bn="train", epochs=3, learning_rate=0.03),),
)


@pytest.fixture(scope="module")
def colours(noisy: Callable[[int], Path]) -> Path:
    return noisy(40)


@pytest.fixture
def pictures(colours: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(colours, tmp_path / "colours")


@pytest.fixture(scope="module")
def whole(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> run.Run:
    """A training that nothing interrupts."""
    return train(colours, tmp_path_factory.mktemp("runs") / "whole")


def train(pictures: Path, out: Path, spec: str = SPEC, **asked) -> run.Run:
    given = {"recipe": QUICK, "epochs": 3, "batch_size": 14, "input_size": 16, "quiet": True}
    return zoo.train(spec, pictures, out=out, **{**given, **asked})


def weights(made: run.Run) -> dict[str, np.ndarray]:
    # Keras numbers the states of random generators anew in each model of a process.
    found = {v.path: v.numpy() for v in zoo.load(made.path).variables}
    return {path: value for path, value in found.items() if "seed_generator" not in path}


def test_a_run_is_whole(pictures: Path, tmp_path: Path):
    made = train(pictures, tmp_path / "run", policy="light:rotation=5")
    assert sorted(path.name for path in made.path.iterdir()) == [
        "card.md",
        "checkpoints",
        "history.csv",
        "metrics.json",
        "model.keras",
        "predictions.csv",
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
    kept = transform.read(facts["transforms"]["all"])
    assert kept == policies.transforms("light:rotation=5", registry.load())
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


def test_a_policy_that_mixes_labels_is_trained_on(colours: Path, tmp_path: Path):
    made = train(colours, tmp_path / "run", policy="mixup-cutmix:base=none", epochs=2)
    assert len(made.history()) == 2
    assert all(math.isfinite(row["loss"]) for row in made.history())
    with pytest.raises(PolicyError, match="the policy takes pictures out of 0"):
        train(colours, tmp_path / "other", policy="tiny-imagenet:center=true")
    assert not (tmp_path / "other").exists()


def test_the_model_that_is_stored_is_the_one_that_was_scored(colours: Path, whole: run.Run):
    model = zoo.load(whole.path)
    assert all(layer.trainable for layer in model.layers)
    scored = zoo.evaluate(whole.path, colours)
    assert scored["loss"] == pytest.approx(whole.metrics["loss"], rel=1e-5)
    # The weights of the best epoch, whose validation loss the history tells.
    best = min(row["val_loss"] for row in whole.history())
    assert zoo.evaluate(whole.path, colours, split="val")["loss"] == pytest.approx(best, rel=1e-3)


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
        ("all", 2),
    ]
    assert sorted(path.name for path in made.checkpoints.iterdir()) == [
        "1-head.weights.h5",
        "2-all.weights.h5",
    ]
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert f"{SPEC} on {pictures}: 2 classes, 28 train, 6 val, 6 test" in lines
    assert (
        "note: the backbone has random weights and the recipe finetune holds some of it; "
        "--recipe scratch trains all of it"
    ) in lines
    assert "phase head: head (2 variables, 12 numbers), adam at 0.003, batches of 14" in lines
    (line,) = [line for line in lines if line.startswith("all 1/1  loss ")]
    assert "  val_accuracy " in line


def test_unreadable_pictures_are_left_out_and_named(pictures: Path, tmp_path: Path, monkeypatch):
    broken = data.read(pictures).split("train")[3].path
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError) as caught:
        # One batch an epoch: after a step there may be a checkpoint, which is kept.
        train(pictures, tmp_path / "run", epochs=1, batch_size=28)
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


def test_ctrl_c_leaves_what_was_reached(colours, whole, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    write = history.Rows.on_epoch_end

    def interrupt(self, epoch, logs=None):
        write(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(history.Rows, "on_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(colours, tmp_path / "run")
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
    assert [path.name for path in (left / "checkpoints").iterdir()] == ["resume.npz"]
    with pytest.raises(RunError, match="did not finish"):
        run.open(tmp_path / "run")
    with pytest.raises(RunError, match="zoo train --resume"):
        train(colours, tmp_path / "run")

    monkeypatch.setattr(history.Rows, "on_epoch_end", write)
    resumed = zoo.resume(tmp_path / "run", quiet=True)
    assert same(resumed, whole)


def same(one: run.Run, other: run.Run) -> bool:
    """Whether two runs are one but for the time they took."""
    first, second = weights(one), weights(other)
    tables = [[{**row, "seconds": 0} for row in made.history()] for made in (one, other)]
    return (
        all(np.array_equal(first[name], second[name]) for name in first)
        and tables[0] == tables[1]
        and one.metrics == other.metrics
        and sorted(path.name for path in one.checkpoints.iterdir())
        == sorted(path.name for path in other.checkpoints.iterdir())
    )


def test_a_run_that_ended_between_its_phases_goes_on(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    fit = phase.fit

    def second(model, leg, *rest, **given):
        if leg.name == "all":
            raise KeyboardInterrupt
        return fit(model, leg, *rest, **given)

    # What drops out in the second phase must not hang on how much was drawn in the first.
    asked = {"spec": f"{SPEC}:dropout=0.5", "recipe": "finetune", "epochs": 2}
    monkeypatch.setattr(phase, "fit", second)
    with pytest.raises(KeyboardInterrupt):
        train(pictures, tmp_path / "run", **asked)
    monkeypatch.setattr(phase, "fit", fit)
    assert same(zoo.resume(tmp_path / "run", quiet=True), train(pictures, tmp_path / "w", **asked))
    with pytest.raises(RunError, match="is finished already"):
        zoo.resume(tmp_path / "run")


def test_pictures_that_changed_cannot_be_gone_on_with(pictures, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        (tmp_path / "run.unfinished/checkpoints/resume.npz").write_bytes(b"PK")
        raise KeyboardInterrupt

    monkeypatch.setattr(phase, "fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(pictures, tmp_path / "run")
    with pytest.raises(RunError, match=r"resume.npz is damaged: .*\n.*remove the folder"):
        zoo.resume(tmp_path / "run", quiet=True)
    extra = pictures / "blue" / "x.png"
    Image.new("RGB", (16, 16)).save(extra)
    with pytest.raises(RunError) as caught:
        zoo.resume(tmp_path / "run", quiet=True)
    assert str(caught.value) == (
        f"{pictures} holds other pictures than when run began\n  hint: put them back, or train anew"
    )


def test_what_does_not_fit_into_memory_goes_in_parts(pictures, tmp_path, monkeypatch, capsys):
    fit = phase.fit

    def small(model, leg, *rest, **given):
        if leg.accumulate < 4:
            raise phase._out_of_memory(model, leg)
        return fit(model, leg, *rest, **given)

    monkeypatch.setattr(phase, "fit", small)
    with pytest.raises(phase.OutOfMemory):
        train(pictures, tmp_path / "no", epochs=1)
    made = train(pictures, tmp_path / "run", epochs=1, fit_memory=True, quiet=False)
    assert recipes.load(made.path / "recipe.toml").phases[0].accumulate == 4
    assert capsys.readouterr().err.count("; going on with each batch in twice as many parts") == 2


def test_a_full_disk_is_told_and_nothing_is_lost(colours, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    write = checkpoint.Checkpoint.write

    def full(self, folder):
        if self.facts["done"] == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder / "x"))
        write(self, folder)

    monkeypatch.setattr(checkpoint.Checkpoint, "write", full)
    with pytest.raises(RunError) as caught:
        train(colours, tmp_path / "run")
    left = tmp_path / "run.unfinished"
    assert str(caught.value) == (
        f"{left} cannot be written (No space left on device: {left / 'checkpoints' / 'x'})\n"
        "  hint: make room; zoo train --resume goes on from the last checkpoint"
    )
    monkeypatch.setattr(checkpoint.Checkpoint, "write", write)
    assert same(zoo.resume(tmp_path / "run", quiet=True), whole)


def test_a_disk_without_room_for_the_weights_is_told_before_they_are_written(
    colours, whole, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(RunError) as caught:
        train(colours, tmp_path / "run")
    left = tmp_path / "run.unfinished"
    weights = left / "checkpoints" / "1-all.weights.h5"
    assert f"{left} cannot be written (No space left on device: {weights})" in str(caught.value)
    assert not list(left.rglob("*.h5"))
    monkeypatch.undo()
    assert same(zoo.resume(tmp_path / "run", quiet=True), whole)


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


def test_pictures_that_are_kept_on_disk_train_to_the_same(colours, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "CACHE_BYTES", 0)
    assert same(train(colours, tmp_path / "run", disk_cache=True), whole)
    assert [row["samples"] for row in shelf.stored()] == [28, 6]


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
