from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.engine import data, decoded, picture, shards, shelf
from zoo.engine.sample import Sample

SIZE = (8, 6)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    """An own cache, and pictures that never fit into memory, a few to a shard."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "CACHE_BYTES", 0)
    monkeypatch.setattr(decoded, "BATCH", 4)
    monkeypatch.setattr(shards, "SHARD_BYTES", 1)
    return tmp_path / "cache" / shelf.FOLDER


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    draws = np.random.default_rng(0)
    made = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.fromarray(draws.integers(0, 256, (12, 12, 3), np.uint8)).save(path)
        made.append(Sample(path.name, path, number % 3, "train", path.stat().st_size))
    return made


def keep(samples, tolerated: float = 0.0, **changes):
    unreadable = data.Unreadable(len(samples), tolerated)
    preprocessing = {**picture.DESCRIPTION, **changes}
    return decoded.keep(samples, SIZE, preprocessing, unreadable), unreadable


def batches(samples, store):
    given = data.batches(
        samples, SIZE, 3, shuffle=7, stored=store, unreadable=data.Unreadable(10, 0.2)
    )
    return [(images.numpy(), labels.numpy()) for images, labels in given]


def test_what_is_read_is_what_would_be_decoded(samples, monkeypatch):
    store, _ = keep(samples)
    expected = batches(samples, None)
    monkeypatch.setattr(picture, "load", None)  # would fail if a picture were decoded
    for ours, theirs in zip(batches(samples, store), expected, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_it_serves_again_and_a_torn_shard_is_decoded_anew(samples, cache, monkeypatch):
    store, _ = keep(samples)
    pixels = store.gather(np.arange(10))
    torn = next(cache.glob("*/00001.npy"))
    torn.write_bytes(torn.read_bytes()[:-1])
    decoded_now = []
    load = picture.load
    monkeypatch.setattr(
        picture, "load", lambda path, *how: decoded_now.append(path.name) or load(path, *how)
    )
    again, _ = keep(samples)
    assert sorted(decoded_now) == ["4.png", "5.png", "6.png", "7.png"]
    np.testing.assert_array_equal(again.gather(np.arange(10)), pixels)
    assert [row["cut"] for row in shelf.stored()] == ["decoded pictures"]


def test_other_pixels_are_another_set(samples, cache):
    keep(samples)
    keep(samples, interpolation="bicubic")
    os.utime(samples[3].path, (1, 1))
    keep(samples)
    assert len(list(cache.iterdir())) == 3


def test_unreadable_pictures_give_their_place_to_the_next(samples):
    for number in (2, 3):
        samples[number].path.write_bytes(b"\x89PNG\r\n\x1a\n")
    store, unreadable = keep(samples, 0.2)
    assert sorted(unreadable.reasons) == ["2.png", "3.png"]
    expected = batches(samples, None)
    for ours, theirs in zip(batches(samples, store), expected, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])


def test_nothing_is_kept_where_memory_suffices_or_the_disk_does_not(samples, cache, monkeypatch):
    monkeypatch.setattr(shelf, "SPARE", 0.0)
    assert keep(samples)[0] is None
    monkeypatch.setattr(data, "CACHE_BYTES", 1 << 20)
    assert keep(samples)[0] is None
    assert not cache.exists()
