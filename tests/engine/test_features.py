from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.engine import anatomy, cutline, data, features, feed, freeze, picture, shards, shelf
from zoo.engine.sharded.run import Crew
from zoo.engine.shards import INDEX, Shards, TooLarge
from zoo.errors import DataError
from zoo.recipe import Phase
from zoo.transform import Flip, Rotate

SIZE = 16


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / shelf.FOLDER


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Its last map is larger than what its head pools from it."""
    name = "small-cnn:width=0.05+dense:units=4:dropout=0.5:pool=avg"
    model = zoo.build(name, classes=3, input_size=SIZE, seed=1)
    freeze.free(model, leg())
    return model


@pytest.fixture
def samples(tmp_path: Path) -> list[data.Sample]:
    draws = np.random.default_rng(0)
    made = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.fromarray(draws.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(path)
        made.append(data.Sample(path.name, path, number % 3, "train", path.stat().st_size))
    return made


def leg(**changes) -> Phase:
    given = {"name": "p", "train": "head", "epochs": 1, "learning_rate": 0.1, "batch_size": 4}
    return Phase(**{**given, **changes})


def source(model: keras.Model, *transforms, seed: int = 0) -> features.Source:
    return features.Source(model, cutline.find(model), transforms, seed)


def pixels(samples) -> np.ndarray:
    return np.stack([picture.load(each.path, (SIZE, SIZE)) for each in samples]).astype("f4")


def test_the_cut_is_after_the_pool(model):
    tensor = cutline.find(model)
    assert tensor is model.get_layer("head_pool").output
    above = cutline.above(model, tensor)
    assert [v.path for v in above.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]
    # The model is as it was for all who ask.
    assert anatomy.logits_tensor(model) is model.get_layer("logits").output
    assert cutline.find(model) is tensor


@pytest.mark.parametrize(
    ("train", "bn", "layer"),
    [("last:1", "frozen", "stage2"), ("last:2", "frozen", "stage1"), ("all", "train", None)],
)
def test_the_cut_follows_what_trains(train, bn, layer):
    model = zoo.build("small-cnn:width=0.05+linear", classes=3, input_size=SIZE)
    freeze.free(model, leg(train=train, bn=bn))
    tensor = cutline.find(model)
    taps = anatomy.of(model).taps
    assert tensor is (model.get_layer(taps[layer]).output if layer else None)


def test_features_above_the_cut_are_the_whole_model(model, samples):
    store = features.extract(source(model), samples)
    rows = store.gather(np.arange(10))
    assert (rows.dtype, rows.shape) == (np.float16, (10, *cutline.find(model).shape[1:]))
    above = cutline.above(model, cutline.find(model))
    whole = keras.Model(model.input, anatomy.logits_tensor(model))
    expected = whole.predict(pixels(samples), verbose=0)
    np.testing.assert_allclose(above.predict(rows, verbose=0), expected, rtol=2e-3, atol=2e-3)


def fed(model, samples, phase=None, **given) -> feed.Feed:
    phase = phase or leg()
    asked = {
        "weights": None,
        "seed": 3,
        "unreadable": (data.Unreadable(10, 0.5), data.Unreadable(10, 0.5)),
    }
    transforms = given.pop("transforms", ())
    return features.feed(
        source(model, *transforms), phase, samples, samples[:5], **{**asked, **given}
    )


def test_no_order_parts_a_label_from_its_features(model, samples):
    feeds = fed(model, samples, weights=np.array([1, 2, 4], "f4"))
    store = features.extract(source(model), samples)
    for epoch in (0, 5):
        order = data.order(10, 3, epoch)
        batches = list(feeds.train(epoch).take(3))
        assert [len(labels) for _, labels, _ in batches] == [4, 4, 2]
        np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), order % 3)
        np.testing.assert_array_equal(np.concatenate([b[2] for b in batches]), 2 ** (order % 3))
        np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), store.gather(order))
    clean = list(feeds.val)
    np.testing.assert_array_equal(np.concatenate([b[1] for b in clean]), [0, 1, 2, 0, 1])


def test_views_serve_in_turn_and_are_those_of_the_policy(model, samples):
    from zoo.engine import augment

    moves = (Rotate(30), Flip())
    feeds = fed(model, samples, leg(views=3, policy="light"), transforms=moves)
    below = keras.Model(model.input, cutline.find(model))
    plan = augment.compile(list(moves))
    views = [
        below.predict(plan.apply(pixels(samples), 0, view, np.arange(10)), verbose=0)
        for view in range(3)
    ]
    assert np.abs(views[0] - views[1]).max() > 0.01
    for epoch in range(4):
        turn = data.order(3, 3, epoch // 3)[epoch % 3]
        rows = np.concatenate([batch[0] for batch in feeds.train(epoch).take(3)])
        expected = views[turn][data.order(10, 3, epoch)]
        np.testing.assert_allclose(rows, expected, rtol=5e-3, atol=5e-3)


def test_what_was_computed_serves_again(model, samples, cache, monkeypatch):
    features.extract(source(model), samples)
    monkeypatch.setattr(data, "batches", None)  # would fail if a picture were read
    features.extract(source(model), samples)
    assert len(list(cache.iterdir())) == 1


def test_any_change_is_another_cache(model, samples, monkeypatch):
    def key(source, samples=samples, view=0) -> str:
        return json.dumps(source.facts(samples, view), default=str)

    plain = source(model)
    keys = [key(plain), key(source(model, Flip())), key(source(model, Flip(), seed=1))]
    keys += [key(source(model, Flip()), view=1), key(plain, samples[:9]), key(plain, samples[::-1])]
    samples[0].path.write_bytes(samples[1].path.read_bytes())
    keys.append(key(plain))
    weight = model.variables[0]
    before = weight.numpy()
    weight.assign(before + 1)
    keys.append(key(plain))
    weight.assign(before)
    monkeypatch.setattr(features, "BATCH", 64)
    keys.append(key(plain))
    monkeypatch.setattr(keras, "__version__", "9")
    keys.append(key(plain))
    other = zoo.build("small-cnn:width=0.05+dense:pool=max", classes=3, input_size=SIZE, seed=1)
    freeze.free(other, leg())
    keys.append(key(source(other)))
    larger = zoo.build("small-cnn:width=0.05+dense:pool=avg", classes=3, input_size=32, seed=1)
    freeze.free(larger, leg())
    keys.append(key(source(larger)))
    assert len(set(keys)) == len(keys)
    # Neither labels nor the head have a part in it.
    head = zoo.build("small-cnn:width=0.05+linear", classes=3, input_size=SIZE, seed=1)
    freeze.free(head, leg())
    assert key(source(head)) == key(plain)


def test_pictures_that_do_not_decode_have_no_row(model, samples):
    samples[3].path.write_bytes(samples[3].path.read_bytes()[:50])
    feeds = fed(model, samples)
    rows = np.concatenate([b[0] for b in feeds.train(0).take(3)])
    labels = np.concatenate([b[1] for b in feeds.train(0).take(3)])
    order = [4 if place == 3 else place for place in data.order(10, 3, 0)]
    store = features.extract(source(model), samples, unreadable=data.Unreadable(10, 0.5))
    np.testing.assert_array_equal(rows, store.gather(np.array(order)))
    np.testing.assert_array_equal(labels, np.array(order) % 3)
    for each in samples:
        each.path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="cannot be decoded"), data.tolerate(samples, 0.5) as bad:
        features.extract(source(model), samples, unreadable=bad)


def test_shards_are_whole_or_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.engine.shards.SHARD_BYTES", 3 * 2 * 4)
    monkeypatch.setattr("zoo.engine.sharded.cut.AIM", 1)
    ids = [str(number) for number in range(7)]
    rows = np.arange(14, dtype="f4").reshape(7, 2)

    def opened() -> Shards:
        return Shards(tmp_path / "s", {"cut": "x"}, ids, (2,), multiple=2)

    store = opened()
    assert (store.rows, store.count) == (6, 2)
    store.write(np.array([6]), rows[6:])
    assert opened().missing().tolist() == [0, 1, 2, 3, 4, 5]
    store = opened()
    store.write(np.array([0, 1, 3, 4, 5]), rows[[0, 1, 3, 4, 5]])  # 2 does not decode
    store = opened()
    assert store.missing().tolist() == []
    assert store.there().tolist() == [True, True, False, True, True, True, True]
    order = np.array([5, 0, 6, 3])
    np.testing.assert_array_equal(store.gather(order), rows[order])
    known = opened().known()
    damaged = tmp_path / "s" / "00000.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    assert opened().missing().tolist() == [0, 1, 2, 3, 4, 5]
    assert [opened().holds(known[number]) for number in (0, 1)] == [False, True]
    damaged.unlink()
    assert opened().missing().tolist() == [0, 1, 2, 3, 4, 5]
    (tmp_path / "s" / INDEX).write_text("{")
    assert len(opened().missing()) == 7


def test_numbers_too_large_for_half_precision_stay_whole(model, samples, monkeypatch):
    with pytest.raises(TooLarge):
        Shards(Path(os.devnull), {}, ["a"], (1,)).write(np.array([0]), np.array([[7e4]], "f4"))
    monkeypatch.setattr("zoo.engine.shards.LIMIT", 1e-3)
    store = features.extract(source(model), samples)
    assert store.gather(np.arange(10)).dtype == np.float32
    assert features.extract(source(model), samples).dtype == np.float32


def test_precision_is_found_out_once(model, samples, monkeypatch, cache):
    monkeypatch.setattr("zoo.engine.shards.LIMIT", 1e-3)
    tried = []
    save = shards.save

    def interrupted(path, places, rows, dtype):
        tried.append(np.dtype(dtype).name)
        if tried[-1] == "float32":
            raise KeyboardInterrupt
        return save(path, places, rows, dtype)

    monkeypatch.setattr(shards, "save", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            features.extract(source(model), samples)
    assert tried == ["float16", "float32", "float32"]


def test_numbers_too_large_for_half_precision_that_a_worker_met(samples, cache):
    loud = zoo.build("small-cnn:width=0.05+linear", classes=3, input_size=SIZE, seed=1)
    freeze.free(loud, leg())
    gamma = [each for each in loud.variables if each.path.endswith("gamma")][-1]
    gamma.assign(gamma.value * 1e8)
    alone = features.extract(source(loud), samples)
    shutil.rmtree(cache)
    shared = features.extract(source(loud), samples, crew=Crew(1, resume=True))
    assert shared.dtype == alone.dtype == np.float32
    np.testing.assert_array_equal(shared.gather(np.arange(10)), alone.gather(np.arange(10)))
    assert not list(cache.glob("*.parts"))


def test_what_was_longest_unused_goes_first(model, samples, cache):
    for number, part in enumerate((samples, samples[:6], samples[:3])):
        store = features.extract(source(model), part)
        os.utime(store.folder / INDEX, (number, number))
    rows = list(shelf.stored())
    assert [row["samples"] for row in rows] == [10, 6, 3]
    assert all(row["complete"] for row in rows)
    gone = shelf.collect(rows[1]["bytes"] + rows[2]["bytes"])
    assert [row["samples"] for row in gone] == [10]
    assert len(list(cache.iterdir())) == 2


def test_a_cache_that_does_not_fit_is_not_begun(model, samples, monkeypatch):
    monkeypatch.setattr(shelf, "SPARE", 0.0)
    assert fed(model, samples) is None


KILLED = """
import os, sys
from pathlib import Path
import zoo
from zoo.engine import cutline, data, features, freeze, shards
from zoo.recipe import Phase

shards.SHARD_BYTES = 1
features.BATCH = 2
model = zoo.build("small-cnn:width=0.05+linear", classes=3, input_size=16, seed=1)
freeze.free(model, Phase(name="p", train="head", epochs=1, learning_rate=0.1))
folder, kill = Path(sys.argv[1]), int(sys.argv[2])
samples = [data.Sample(p.name, p, 0, "train", 1) for p in sorted(folder.glob("*.png"))]
write = shards.Shards.write
written = []

def counted(self, *what):
    if len(written) == kill:
        os.kill(os.getpid(), 9)
    write(self, *what)
    written.append(1)

shards.Shards.write = counted
print(features.extract(features.Source(model, cutline.find(model)), samples).folder)
"""


@pytest.mark.slow
def test_a_killed_extraction_goes_on_to_the_same_bits(tmp_path, samples):
    def run(cache: str, kill: int) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), str(kill)],
            env={**os.environ, "ZOO_CACHE": str(tmp_path / cache), "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("killed", 3).returncode == -9
    resumed, whole = run("killed", 99), run("whole", 99)
    folders = [Path(done.stdout.strip()) for done in (resumed, whole)]
    names = sorted(path.name for path in folders[0].iterdir())
    assert len(names) == 6
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_shards_may_be_more_than_the_files_that_a_process_begins_with(tmp_path):
    code = """
import resource, sys
from pathlib import Path
import numpy as np
from zoo.engine import shards

shards.SHARD_BYTES = 8
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
ids = [str(number) for number in range(400)]
values = np.arange(400, dtype="float32")[:, None]
for _ in range(2):
    store = shards.Shards(Path(sys.argv[1]), {}, ids, (1,), dtype="float32")
    while len(missing := store.missing()):
        store.write(missing[: store.rows], values[missing[: store.rows]])
    assert (store.gather(np.arange(400)) == values).all()
print(store.count)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "200\n"
