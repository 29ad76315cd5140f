"""A training that is killed at any moment ends as one that is not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.engine import run

KILLS = int(os.environ.get("ZOO_TEST_KILLS", "4"))
"""How many times; the figure in the documentation was taken with 20."""

TRAIN = """
import sys
from zoo.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

RECIPE = """
[[phases]]
name = "head"
train = "head"
epochs = 4
learning_rate = 0.02
batch_size = 8
patience = 3

[[phases]]
name = "all"
bn = "train"
epochs = 12
learning_rate = 0.01
lowest_rate = 0.5
schedule = { kind = "plateau", patience = 1, by = 0.7 }
batch_size = 8
accumulate = 2
ema = 0.8
patience = 8
policy = "light"
"""


@pytest.fixture(scope="module")
def pictures(noisy: Callable[..., Path]) -> Path:
    return noisy(60, noise=130, tint=30)


def start(cache: Path, *words: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, "train", *map(str, words), "--device", "cpu"],
        env={**os.environ, "ZOO_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def killed(process: subprocess.Popen, seconds: float) -> None:
    """Let a process run for so long and no longer."""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def onward(out: Path, words: list[object]) -> list[object]:
    """What a user types after a crash: training again where nothing was written yet."""
    going = out.with_name(f"{out.name}{run.UNFINISHED}")
    return ["--resume", out] if going.exists() else [*words, "--out", out]


def facts(made: Path) -> dict:
    """All that has to be the same: weights, rows, scores."""
    import zoo

    opened = run.open(made)
    # What draws dropout is not stored with a model, and a process numbers it as it comes.
    weights = {
        each.path: each.numpy().tobytes()
        for each in zoo.load(made).variables
        if "seed_generator" not in each.path
    }
    rows = [{**row, "seconds": 0} for row in opened.history()]
    metrics = {key: value for key, value in opened.metrics.items() if key != "seconds"}
    kept = {path.name for path in opened.checkpoints.iterdir()}
    contracts = opened.facts["contracts"]
    return {
        "weights": weights,
        "rows": rows,
        "metrics": json.dumps(metrics, sort_keys=True),
        "kept": kept,
        "contracts": contracts,
    }


@pytest.mark.slow
def test_kill_9_at_any_moment(pictures: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    words = ["small-cnn:width=0.05+dense:units=4", pictures, "--recipe", recipe]
    words += ["--input-size", "16"]
    begun = time.perf_counter()
    whole = start(tmp_path / "cache-whole", *words, "--out", tmp_path / "whole")
    told, _ = whole.communicate()
    assert whole.returncode == 0, told
    length = time.perf_counter() - begun
    expected = facts(tmp_path / "whole")
    draws = random.Random(os.environ.get("ZOO_TEST_SEED", "1"))
    for number in range(KILLS):
        out = tmp_path / f"killed-{number}"
        cache = tmp_path / f"cache-{number}"
        # Two in three in the time of training, after the import of TensorFlow.
        killed(start(cache, *words, "--out", out), length * draws.uniform(0.3, 1.0))
        if number % 2 and not out.exists():  # killed a second time while it goes on
            killed(start(cache, *onward(out, words)), length * draws.uniform(0.3, 0.8))
        told = ""
        if not out.exists():
            told, _ = start(cache, *onward(out, words)).communicate()
        assert out.exists(), told
        found = facts(out)
        for key, value in expected.items():
            assert found[key] == value, (number, key)
