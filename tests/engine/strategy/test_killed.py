"""Workers that are killed at any moment: the training ends as one that nobody touched."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.engine.strategy import launch
from zoo.engine.strategy.cluster import Cluster

from .test_equal import arguments, same

KILLS = int(os.environ.get("ZOO_TEST_KILLS", "3"))
"""How many times."""

MAIN = """
import signal, sys
from zoo.cli.main import main

# Whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""

RECIPE = """
[[phases]]
name = "head"
train = "head"
epochs = 3
learning_rate = 0.05
batch_size = 8

[[phases]]
name = "all"
bn = "train"
epochs = 25
learning_rate = 0.01
schedule = { kind = "plateau", patience = 2, by = 0.7 }
batch_size = 8
ema = 0.8
policy = "light"
"""


@pytest.fixture(scope="module")
def words(noisy: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    recipe = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    recipe.write_text(RECIPE)
    return arguments(noisy(39), recipe)


def start(words: list[str], folder: Path, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "train", *words],
        env={**os.environ, "ZOO_CACHE": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": "", **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(process: int) -> list[int]:
    return [
        int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to find workers by")
def test_kill_9_at_any_moment(words: list[str], tmp_path: Path):
    whole = start([*words, "--out", str(tmp_path / "whole"), "--workers", "2"], tmp_path)
    _, told = whole.communicate()
    assert whole.returncode == 0, told
    draws = random.Random(os.environ.get("ZOO_TEST_SEED", "1"))
    for number in range(KILLS):
        out = tmp_path / f"killed-{number}"
        training = start([*words, "--out", str(out), "--workers", "2"], tmp_path)
        # While workers find each other, or after so many of 28 epochs and somewhere in the next.
        epochs = draws.randrange(-4, 28)
        told = read(training, epochs) if epochs >= 0 else ""
        while len(children(training.pid)) < 2:
            time.sleep(0.01)
        time.sleep(draws.uniform(0, 0.4 if epochs >= 0 else 6))
        os.kill(draws.choice(children(training.pid)), signal.SIGKILL)
        _, rest = training.communicate()
        assert training.returncode == 0, told + rest
        # At the end of the last epoch there may be nothing left that could be lost.
        assert "was lost (killed by SIGKILL); all start again" in rest or " 25/25 " in told + rest
        same(tmp_path / "whole", out, 1e-6)


def read(training: subprocess.Popen[str], epochs: int) -> str:
    """What a training says until it has its workers, and so many epochs are done."""
    assert training.stderr is not None
    told = ""
    while "2 replicas" not in told or len(re.findall(r"^(head|all) ", told, re.M)) < epochs:
        line = training.stderr.readline()
        assert line, told
        told += line
    return told


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to find workers by")
@pytest.mark.parametrize(
    ("whom", "kind", "code"),
    [
        ("launcher", "SIGINT", 130),
        ("launcher", "SIGTERM", 143),
        ("worker", "SIGINT", 130),
        ("worker", "SIGTERM", 0),
    ],
)
def test_told_to_end(words: list[str], tmp_path: Path, whom: str, kind: str, code: int):
    out, temporary = tmp_path / "run", tmp_path / "tmp"
    temporary.mkdir()
    more = {"TMPDIR": str(temporary)}
    training = start([*words, "--out", str(out), "--workers", "2"], tmp_path, **more)
    point = tmp_path / "run.unfinished" / "checkpoints" / "resume.npz"
    while not point.exists():
        assert training.poll() is None, training.communicate()
        time.sleep(0.05)
    workers = children(training.pid)
    os.kill(training.pid if whom == "launcher" else workers[1], getattr(signal, kind))
    _, told = training.communicate(timeout=300)
    assert training.returncode == code, told
    assert not list(temporary.iterdir())
    assert not any(Path(f"/proc/{each}").exists() for each in workers)
    if kind == "SIGTERM" and whom == "worker":  # As if it had been killed.
        assert "worker 1 was lost (killed by SIGTERM); all start again from the last" in told
    else:
        assert f"zoo train --resume {out} goes on from here\n" in told
        assert ("ended by SIGTERM\n" if code == 143 else "interrupted\n") in told
        going_on = start(["--resume", str(out), "--workers", "2"], tmp_path, **more)
        _, told = going_on.communicate()
        assert going_on.returncode == 0, told
        assert "note: going on after" in told
    whole = start([*words, "--out", str(tmp_path / "whole"), "--workers", "2"], tmp_path)
    _, told = whole.communicate()
    assert whole.returncode == 0, told
    same(tmp_path / "whole", out, 1e-6)


@pytest.mark.slow
def test_a_worker_that_misses_another_says_so(words: list[str], tmp_path: Path):
    """Without a launcher, as on a cluster: it ends by itself, and the run goes on alone."""
    places = tuple(f"127.0.0.1:{port}" for port in launch._free_ports(2))
    given = [*words, "--strategy", "multi-worker", "--out", str(tmp_path / "run")]
    workers = [
        start(given, tmp_path, TF_CONFIG=Cluster(places, number).tf_config()) for number in (0, 1)
    ]
    try:
        while not (tmp_path / "run.unfinished" / "checkpoints" / "resume.npz").exists():
            assert workers[0].poll() is None, workers[0].communicate()
            time.sleep(0.05)
        workers[1].kill()
        killed = time.monotonic()
        _, told = workers[0].communicate(timeout=120)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert workers[0].returncode == 75, told
    assert told.endswith(
        f"error: worker 1 at {places[1]} is gone\n"
        "  hint: start all workers again with --resume; it goes on from the last checkpoint\n"
    )
    assert time.monotonic() - killed < 90
    alone = start(["--resume", str(tmp_path / "run")], tmp_path)
    _, told = alone.communicate()
    assert alone.returncode == 0, told
    whole = start([*words, "--out", str(tmp_path / "whole")], tmp_path)
    _, told = whole.communicate()
    assert whole.returncode == 0, told
    same(tmp_path / "whole", tmp_path / "run")


@pytest.mark.slow
def test_workers_that_are_not_alike_do_not_begin(words: list[str], tmp_path: Path):
    places = tuple(f"127.0.0.1:{port}" for port in launch._free_ports(2))
    given = [*words, "--strategy", "multi-worker", "--out", str(tmp_path / "run")]
    workers = [
        start(
            [*given, "--epochs", str(number + 1)],
            tmp_path,
            TF_CONFIG=Cluster(places, number).tf_config(),
        )
        for number in (0, 1)
    ]
    for worker in workers:
        _, told = worker.communicate()
        assert worker.returncode == 2
        assert f"error: worker 1 ({places[1]}) has another recipe than worker 0: " in told
    assert not list(tmp_path.glob("run*"))
    many = start([*words, "--out", str(tmp_path / "run"), "--batch-size", "2", "--workers", "3"],
                 tmp_path)  # fmt: skip
    _, told = many.communicate()
    assert many.returncode == 2
    assert "error: phase head has batches of 2 for 3 replicas\n" in told
