"""Several replicas train to what one process trains to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.engine import run

SPEC = "small-cnn:width=0.05+linear"

RECIPE = """
[[phases]]
name = "head"
train = "head"
epochs = 2
learning_rate = 0.05
optimizer = "sgd"
options = { momentum = 0.9 }
batch_size = 13

[[phases]]
name = "all"
bn = "train"
epochs = 2
learning_rate = 0.02
lowest_rate = 0.5
optimizer = "sgd"
batch_size = 13
class_weights = { red = 3.0 }
policy = "light"
"""
"""27 pictures in batches of 13: the last of an epoch has one, and the second replica none of it."""


@pytest.fixture(scope="module")
def pictures(noisy: Callable[[int], Path]) -> Path:
    return noisy(39)


def arguments(pictures: Path, recipe: Path, *more: str) -> list[str]:
    return [SPEC, str(pictures), "--recipe", str(recipe), "--input-size", "16", *more]


def zoo_train(words: Sequence[str], folder: Path, code: str | None = None) -> str:
    """Train in processes of their own; gives what was told."""
    main = code or "import sys; from zoo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", main, "train", *words],
        env={**os.environ, "ZOO_CACHE": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def same(one: Path, other: Path, tolerance: float = 1e-5) -> None:
    """Two runs are one but for rounding."""
    expected, found = run.open(one), run.open(other)
    for row, wanted in zip(found.history(), expected.history(), strict=True):
        assert row.keys() == wanted.keys()
        for name in row.keys() - {"seconds", "phase"}:
            assert row[name] == pytest.approx(wanted[name], rel=1e-4, abs=tolerance), name
    for name in ("accuracy", "loss"):
        assert found.metrics[name] == pytest.approx(expected.metrics[name], abs=tolerance)
    weights, wanted = (
        {v.path: v.numpy() for v in zoo.load(each).variables} for each in (other, one)
    )
    for path in weights:
        if "seed_generator" not in path:
            np.testing.assert_allclose(weights[path], wanted[path], atol=tolerance, err_msg=path)
    # And the file knows nothing of how it was trained.
    assert config(other) == config(one)


def config(made: Path) -> dict:
    with zipfile.ZipFile(made / "model.keras") as file:
        text = file.read("config.json").decode()
    return json.loads(re.sub(r'"shared_object_id": \d+', "", text).replace(", }", "}"))


def test_two_workers_are_one_process(pictures: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    told = zoo_train(
        [*arguments(pictures, recipe), "--out", str(tmp_path / "two"), "--workers", "2"], tmp_path
    )
    zoo.train(SPEC, pictures, out=tmp_path / "one", recipe=recipe, input_size=16, quiet=True)
    same(tmp_path / "one", tmp_path / "two")
    assert "sgd at 0.05, batches of 13, 6.5 a replica" in told
    assert "worker 1 of 2" in run.open(tmp_path / "two").facts["device"]
    assert not list(tmp_path.glob("*.unfinished"))
