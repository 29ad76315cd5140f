from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.engine import data, picture
from zoo.errors import DataError

SIZE = (6, 5)


@pytest.fixture
def samples(tmp_path: Path) -> list[data.Sample]:
    """Ten pictures, the number of each in its red channel."""
    made = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (9, 7), (number, 100, 200)).save(path)
        made.append(data.Sample(path.name, path, number % 3, "train", path.stat().st_size))
    return made


def numbers(dataset: tf.data.Dataset) -> list[list[int]]:
    """The pictures' numbers, batch by batch."""
    return [np.asarray(images)[:, 0, 0, 0].astype(int).tolist() for images, *_ in dataset]


def test_in_order_once_with_labels_and_pixels(samples):
    dataset = data.batches(samples, SIZE, 4)
    assert numbers(dataset) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert dataset.cardinality() == 3
    images, labels = next(iter(dataset))
    assert images.dtype == tf.uint8
    assert labels.numpy().tolist() == [0, 1, 2, 0]
    for image, sample in zip(images.numpy(), samples[:4], strict=True):
        np.testing.assert_array_equal(image, picture.load(sample.path, SIZE))


def test_a_batch_keeps_its_pixels_while_anybody_has_it(samples):
    """Memory is used again for later batches, but not before the last view of it is gone."""
    expected = [picture.load(sample.path, SIZE) for sample in samples]
    kept, views = [], []
    for number, (images, _, indices) in enumerate(
        data.batches(samples, SIZE, 3, shuffle=0, epochs=20, cache_bytes=0, with_indices=True)
    ):
        if number % 3 == 0:
            kept.append((images, indices.numpy()))
        elif number % 3 == 1:
            views.append((images.numpy()[:1], indices.numpy()[:1]))
    for images, indices in kept + views:
        np.testing.assert_array_equal(images, np.stack([expected[each] for each in indices]))


def test_memory_of_a_batch_is_used_again():
    room = data._Room()
    first = room.get((3, 4, 5, 3))
    address, part = first.ctypes.data, first[1:]
    assert address % data.ALIGNMENT == 0
    del first
    assert room.get((3, 4, 5, 3)).ctypes.data != address  # A part of the first is in use still.
    del part
    assert address in {(again := room.get((2, 4, 5, 3))).ctypes.data, room.get((1, 1)).ctypes.data}
    assert again.shape == (2, 4, 5, 3)
    assert room.get((9, 9, 9, 3)).shape == (9, 9, 9, 3)


def joined(dataset: tf.data.Dataset) -> list[int]:
    return list(chain.from_iterable(numbers(dataset)))


@pytest.mark.parametrize("cache_bytes", [0, 1 << 20])
def test_the_order_is_a_function_of_seed_and_epoch(samples, cache_bytes):
    def epoch(number: int, seed: int = 7) -> list[int]:
        batches = data.batches(
            samples, SIZE, 3, shuffle=seed, epoch=number, cache_bytes=cache_bytes
        )
        return joined(batches)

    first, second = epoch(0), epoch(1)
    assert sorted(first) == list(range(10))
    assert first != second
    assert first != epoch(0, seed=8)
    # Starting at the second epoch gives what going through the first one does.
    both = data.batches(samples, SIZE, 3, shuffle=7, epochs=2, cache_bytes=cache_bytes)
    assert joined(both) == first + second
    assert first == data.order(10, 7, 0).tolist()


def test_no_end(samples):
    endless = data.batches(samples, SIZE, 4, shuffle=1, epochs=None)
    assert [len(batch) for batch in numbers(endless.take(7))] == [4, 4, 2, 4, 4, 2, 4]


def test_nothing_tunes_a_pipeline(samples):
    """Closing one that is tuned waits for a sleeping thread."""
    options = data.batches(samples, (8, 8), 2).options()
    assert options.autotune.enabled is False


def test_the_policy_gets_seed_epoch_and_indices(samples):
    def policy(images, labels, seed, epoch, indices):
        told = tf.cast(seed * 10_000 + epoch * 100 + indices, tf.float32)
        return tf.ones_like(tf.cast(images, tf.float32)) * told[:, None, None, None], labels

    dataset = data.batches(samples, SIZE, 4, shuffle=3, epoch=5, policy=policy, with_indices=True)
    for images, labels, indices in dataset:
        assert images.dtype == tf.float32
        told = images.numpy()[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(told, 30_500 + indices.numpy())
        np.testing.assert_array_equal(labels, indices.numpy() % 3)


def test_mixed_labels_and_weights_of_classes_flow_through(samples):
    def mix(images, labels, seed, epoch, indices):
        return images, 0.5 * tf.one_hot(labels, 3) + 0.5 * tf.one_hot(tf.reverse(labels, [0]), 3)

    weights = np.array([1, 2, 4], "f4")
    plain = data.batches(samples, SIZE, 4, weights=weights)
    mixed = data.batches(samples, SIZE, 4, weights=weights, policy=mix, with_indices=True)
    for (_, labels, weighed), (_, shares, weighed_mix, indices) in zip(plain, mixed, strict=True):
        np.testing.assert_array_equal(weighed, weights[labels])
        np.testing.assert_array_equal(shares, (np.eye(3)[labels] + np.eye(3)[labels[::-1]]) / 2)
        np.testing.assert_array_equal(weighed_mix, (weights[labels] + weights[labels[::-1]]) / 2)
        np.testing.assert_array_equal(indices.numpy() % 3, labels)


def test_decoded_once_if_it_fits(samples, monkeypatch):
    decoded: list[str] = []
    load = picture.load
    monkeypatch.setattr(
        picture, "load", lambda path, *how: decoded.append(path) or load(path, *how)
    )
    # Threads of two epochs may meet at a picture that neither has decoded.
    monkeypatch.setattr(data.runtime, "cores", lambda: 1)
    pixels = 10 * 6 * 5 * 3
    numbers(data.batches(samples, SIZE, 4, epochs=3, cache_bytes=pixels))
    assert len(decoded) == 10
    numbers(data.batches(samples, SIZE, 4, epochs=3, cache_bytes=pixels - 1))
    assert len(decoded) == 40


@pytest.fixture
def damaged(samples) -> list[data.Sample]:
    """The samples, number 4 and 9 cut short."""
    for number in (4, 9):
        samples[number].path.write_bytes(samples[number].path.read_bytes()[:40])
    return samples


def test_unreadable_pictures_are_replaced_by_the_next(damaged):
    with data.tolerate(damaged, limit=0.2) as unreadable:
        found = numbers(data.batches(damaged, SIZE, 5, unreadable=unreadable, epochs=2))
    assert found == [[0, 1, 2, 3, 5], [5, 6, 7, 8, 0]] * 2
    assert sorted(unreadable.reasons) == ["4.png", "9.png"]
    assert unreadable.reasons["4.png"].startswith("PNG that cannot be decoded (")


def test_unreadable_pictures_are_dropped(damaged):
    with data.tolerate(damaged, limit=0.2) as unreadable:
        batches = data.batches(
            damaged, SIZE, 3, unreadable=unreadable, on_unreadable="drop", with_indices=True
        )
        taken = [indices.numpy().tolist() for _, _, indices in batches]
    assert taken == [[0, 1, 2], [3, 5], [6, 7, 8], []]


def test_too_many_unreadable_pictures_are_an_error_that_names_them(damaged):
    with pytest.raises(DataError) as caught, data.tolerate(damaged, 0.1) as unreadable:
        numbers(data.batches(damaged, SIZE, 5, unreadable=unreadable))
    message = caught.value.message
    assert message.startswith("2 of 10 pictures cannot be decoded, at most 1 may be: ")
    assert "4.png: PNG that cannot be decoded (damaged header)" in message
    assert "9.png: PNG that cannot be decoded (damaged header)" in message
    assert caught.value.hint == "mend or remove them"


def test_none_may_be_unreadable(damaged):
    with pytest.raises(DataError) as caught, data.tolerate(damaged, 0.0) as unreadable:
        numbers(data.batches(damaged[:5], SIZE, 5, unreadable=unreadable))
    assert caught.value.message == (
        "1 of 10 pictures cannot be decoded, at most 0 may be: "
        "4.png: PNG that cannot be decoded (damaged header)"
    )


def test_errors_of_others_pass_through(samples):
    with pytest.raises(KeyError), data.tolerate(samples):
        raise KeyError("somebody else's")


def test_no_pictures():
    with pytest.raises(DataError, match="there are no pictures to make batches of"):
        data.batches([], SIZE, 4)


def test_too_many_unreadable_pictures_stay_an_error(tmp_path):
    """A batch that nobody fetched any more met them first; the next one still tells."""
    sample = data.Sample("a/x.png", tmp_path / "x.png", 0, "train", 1)
    sample.path.write_bytes(b"\x89PNG\r\n\x1a\n")
    unreadable = data.Unreadable(1, 0.0)
    pictures = data._Pictures([sample], (8, 8), {}, 1 << 20, unreadable, None)
    for _ in range(2):
        with pytest.raises(DataError, match="1 of 1 pictures cannot be decoded"):
            pictures.take(np.array([0]), drop=True)
    with pytest.raises(DataError, match="1 of 1 pictures"), data.tolerate([sample]) as caught:
        caught.error = unreadable.error


def test_what_other_workers_met_counts_as_well():
    bad = data.Unreadable(20, 0.1)
    bad.join({"a/0.png": "torn"})
    bad.join({"a/0.png": "torn", "a/3.png": "empty"})
    assert sorted(bad.reasons) == ["a/0.png", "a/3.png"]
    with pytest.raises(DataError) as caught:
        bad.join({"a/7.png": "torn"})
    assert str(caught.value) == (
        "3 of 20 pictures cannot be decoded, at most 2 may be: a/0.png: torn; a/3.png: empty; "
        "a/7.png: torn\n  hint: mend or remove them"
    )
