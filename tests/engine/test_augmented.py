"""A training that augments within its step, beside one that augments ahead of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import recipe as recipes
from zoo.engine import checkpoint, history, run
from zoo.engine.augment import Plan

SPEC = "small-cnn:width=0.05+linear"


@pytest.fixture(scope="module")
def pictures(noisy: Callable[[int], Path]) -> Path:
    return noisy(30)


def train(pictures: Path, out: Path, policy: str, augment_on: str, accumulate: int = 1) -> run.Run:
    leg = recipes.Phase(
        name="all", train="all", bn="train", epochs=3, learning_rate=0.03, optimizer="sgd",
        batch_size=8, accumulate=accumulate, policy=policy, class_weights={"red": 2.0},
    )  # fmt: skip
    chosen = recipes.Recipe(name="quick", phases=(leg,))
    return zoo.train(
        SPEC, pictures, out=out, recipe=chosen, input_size=16, augment_on=augment_on, quiet=True
    )


def weights(made: run.Run) -> list[np.ndarray]:
    variables = zoo.load(made.path).variables
    return [each.numpy() for each in variables if "seed_generator" not in each.path]


def losses(made: run.Run) -> list[list[float]]:
    return [[row["loss"], row["val_loss"]] for row in made.history()]


@pytest.fixture(scope="module")
def within(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> run.Run:
    """A training that nothing interrupts."""
    return train(pictures, tmp_path_factory.mktemp("runs") / "within", "light", "device")


def test_it_trains_to_the_same(pictures, tmp_path):
    """To the last digits where no way rounds; pictures and labels are mixed, batches in parts."""
    ahead, within = (
        train(pictures, tmp_path / on, "mixup-cutmix:base=flip", on, accumulate=2)
        for on in ("cpu", "device")
    )
    assert [made.facts["augment_on"] for made in (ahead, within)] == ["cpu", "device"]
    np.testing.assert_allclose(losses(within), losses(ahead), atol=1e-4)
    for one, other in zip(weights(within), weights(ahead), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_it_warps_the_same(pictures, within, tmp_path, monkeypatch):
    """But that bytes warped on the CPU are rounded to the nearest level, which is switched off."""
    monkeypatch.setattr(Plan, "as_keras", True)
    ahead = train(pictures, tmp_path / "ahead", "light", "cpu")
    np.testing.assert_allclose(losses(within), losses(ahead), atol=1e-4)
    for one, other in zip(weights(within), weights(ahead), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_model_that_is_saved_knows_nothing_of_it(pictures, within):
    model, bare = zoo.load(within.path), zoo.build(SPEC, classes=2, input_size=16)
    assert [layer.name for layer in model.layers] == [layer.name for layer in bare.layers]
    assert [each.shape for each in model.inputs] == [(None, 16, 16, 3)]
    # Validation saw pictures as they are.
    scored = zoo.evaluate(within.path, pictures, split="val")
    assert scored["loss"] == pytest.approx(min(row[1] for row in losses(within)), rel=1e-3)


def test_it_is_gone_on_with_to_the_same_bits(pictures, within, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", math.inf)
    write = history.Rows.on_epoch_end

    def interrupt(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        write(self, epoch, logs)

    monkeypatch.setattr(history.Rows, "on_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(pictures, tmp_path / "run", "light", "device")
    monkeypatch.setattr(history.Rows, "on_epoch_end", write)
    resumed = zoo.resume(tmp_path / "run", quiet=True)
    assert resumed.facts["augment_on"] == "device"
    assert losses(resumed) == losses(within)
    for one, other in zip(weights(resumed), weights(within), strict=True):
        np.testing.assert_array_equal(one, other)
