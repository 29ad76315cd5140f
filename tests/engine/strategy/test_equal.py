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
from zoo.engine.strategy import launch
from zoo.engine.strategy.cluster import Cluster

SPEC = "small-cnn:width=0.05+linear"

RECIPE = """
[[phases]]
name = "head"
train = "head"
epochs = 2
learning_rate = 0.05
optimizer = "sgd"
options = { momentum = 0.9 }
batch_size = 9

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
"""Of 28 pictures the last batch has one in the first phase, none of which is the second
replica's, and two in the second phase."""

MORE = """
[[phases]]
name = "head"
train = "head"
epochs = 2
learning_rate = 0.005
options = { weight_decay = 0.01, global_clipnorm = 0.1 }
batch_size = 13
accumulate = 3
ema = 0.8

[[phases]]
name = "views"
train = "head"
epochs = 2
learning_rate = 0.01
optimizer = "sgd"
options = { clipnorm = 0.05 }
batch_size = 8
policy = "light"
views = 2

[[phases]]
name = "parts"
bn = "train"
epochs = 2
learning_rate = 0.02
optimizer = "sgd"
schedule = { kind = "plateau", patience = 1, by = 0.5 }
batch_size = 10
accumulate = 2
label_smoothing = 0.1

[[phases]]
name = "mixed"
epochs = 2
learning_rate = 0.01
optimizer = "sgd"
batch_size = 9
policy = "mixup-cutmix:base=light"
class_weights = "balanced"
patience = 1
"""
"""Much of what a phase can say: each has to see the whole batch and no more than it."""

TWO_CPUS = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


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
    assert "sgd at 0.05, batches of 9, 4.5 a replica" in told
    assert "in each of 2 workers" in run.open(tmp_path / "two").facts["device"]
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.fixture(scope="module")
def one(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe of much, and what one process makes of it."""
    folder = tmp_path_factory.mktemp("one")
    recipe = folder / "recipe.toml"
    recipe.write_text(MORE)
    zoo.train(SPEC, pictures, out=folder / "one", recipe=recipe, input_size=16, quiet=True)
    return recipe, folder / "one"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["workers 2", "workers 3", "strategy mirrored"])
def test_whatever_a_phase_asks_for(
    pictures: Path, one: tuple[Path, Path], tmp_path: Path, how: str
):
    option, value = how.split()
    words = [*arguments(pictures, one[0]), "--out", str(tmp_path / "run"), f"--{option}", value]
    told = zoo_train(words, tmp_path, TWO_CPUS if value == "mirrored" else None)
    same(one[1], tmp_path / "run")
    assert f"{2 if value == 'mirrored' else int(value)} replicas, each of which" in told


@pytest.mark.slow
def test_a_policy_on_the_device(pictures: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    words = arguments(pictures, recipe, "--augment-on", "device")
    zoo_train(
        [*words, "--out", str(tmp_path / "run"), "--strategy", "mirrored"], tmp_path, TWO_CPUS
    )
    zoo_train([*words, "--out", str(tmp_path / "two"), "--workers", "2"], tmp_path)
    zoo.train(
        SPEC, pictures, out=tmp_path / "one", recipe=recipe, input_size=16, quiet=True,
        augment_on="device",
    )  # fmt: skip
    same(tmp_path / "one", tmp_path / "run")
    same(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_one_replica_alone_is_one_process(pictures: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    words = arguments(pictures, recipe)
    zoo.train(SPEC, pictures, out=tmp_path / "one", recipe=recipe, input_size=16, quiet=True)
    for number, how in enumerate((["--strategy", "mirrored"], ["--workers", "1"])):
        made = tmp_path / str(number)
        zoo_train([*words, "--out", str(made), *how], tmp_path)
        same(tmp_path / "one", made, 1e-6)


OPERATED = """
[[phases]]
name = "head"
train = "head"
epochs = 1
learning_rate = 0.05
optimizer = "sgd"
batch_size = 9

[[phases]]
name = "normalised"
bn = "train"
epochs = 2
learning_rate = 0.01
optimizer = "sgd"
batch_size = 13
policy = "standard"
surgery = [{ do = "insert-bn", after = ["dense"] }]
"""


@pytest.mark.slow
def test_operations_and_pictures_from_the_disk(pictures: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(OPERATED)
    spec = "small-cnn:width=0.05+dense:units=8:dropout=0"
    zoo_train(
        [spec, str(pictures), "--recipe", str(recipe), "--input-size", "16", "--crop-from", "20",
         "--disk-cache", "--out", str(tmp_path / "two"), "--workers", "2"],
        tmp_path,
    )  # fmt: skip
    zoo.train(
        spec, pictures, out=tmp_path / "one", recipe=recipe, input_size=16, crop_from=20,
        quiet=True,
    )  # fmt: skip
    same(tmp_path / "one", tmp_path / "two")
    assert len(run.open(tmp_path / "two").facts["surgery"]) == 1


PYTHON = """
import sys
import zoo

made = zoo.train(
    sys.argv[1], sys.argv[2], out=sys.argv[3], recipe=sys.argv[4], input_size=16,
    strategy="multi-worker",
)
print(made.path, made.metrics["accuracy"])
"""


def python_workers(code: str, words: Sequence[str], tmp_path: Path) -> list[str]:
    """Call Python in two workers; gives what each printed."""
    places = tuple(f"127.0.0.1:{port}" for port in launch._free_ports(2))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env={
                **os.environ,
                "TF_CONFIG": Cluster(places, number).tf_config(),
                "ZOO_CACHE": str(tmp_path / f"cache-{number}"),
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (0, 1)
    ]
    told = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    return told


@pytest.mark.slow
def test_workers_that_call_python(pictures: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    told = python_workers(
        PYTHON, [SPEC, str(pictures), str(tmp_path / "two"), str(recipe)], tmp_path
    )
    zoo.train(SPEC, pictures, out=tmp_path / "one", recipe=recipe, input_size=16, quiet=True)
    same(tmp_path / "one", tmp_path / "two")
    # Each of them has the finished run.
    accuracy = run.open(tmp_path / "two").metrics["accuracy"]
    assert told == [f"{tmp_path / 'two'} {accuracy}\n"] * 2


MESSAGES = """
import os
import tensorflow as tf
from zoo.engine.strategy import cluster, team

made, _ = team.form("multi-worker", cluster.of())
threads = []
for _ in range(4):
    for _ in range(100):
        made.sum([tf.ones([3])])
    threads.append(len(os.listdir("/proc/self/task")))
print(*threads)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to count threads in")
def test_messages_leave_no_threads(tmp_path: Path):
    for told in python_workers(MESSAGES, [], tmp_path):
        first, *_, last = map(int, told.split())
        assert last < first + 20
