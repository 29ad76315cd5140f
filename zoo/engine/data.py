"""Batches of pictures for training and scoring, the same for the same seed on every machine."""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.engine import picture, runtime
from zoo.engine.folder import UNREADABLE_LIMIT, ImageFolder, Sample, read
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import tensorflow as tf

    from zoo.engine.shards import Shards

    Augment = Callable[
        [tf.Tensor, tf.Tensor, int, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]
    ]
    """images, labels, seed, epoch and sample indices -> images and labels of the same batch.

    What a picture becomes is a function of seed, epoch and its index alone. Labels come as
    integers [n] and go back as they are, or mixed, as shares of the classes, float32 [n, classes].
    """

__all__ = ["ImageFolder", "Sample", "Unreadable", "batches", "order", "read", "tolerate"]

CACHE_BYTES = 1 << 30
"""Sets whose pixels fit in this many bytes at the model's input size are decoded once."""

WHOLE = (0, 1)
"""The share of a batch that is all of it."""

ALIGNMENT = 64
"""Bytes of whose multiples TensorFlow wants the address of what it is to read in place."""


def batches(
    samples: Sequence[Sample],
    size: tuple[int, int],
    batch_size: int,
    *,
    shuffle: int | None = None,
    epoch: int = 0,
    epochs: int | None = 1,
    policy: Augment | None = None,
    weights: np.ndarray | None = None,
    cache_bytes: int = CACHE_BYTES,
    stored: Shards | None = None,
    unreadable: Unreadable | None = None,
    on_unreadable: Literal["replace", "drop"] = "replace",
    with_indices: bool = False,
    preprocessing: Mapping[str, Any] = picture.DESCRIPTION,
    share: tuple[int, int] = WHOLE,
) -> tf.data.Dataset:
    """Decode labelled pictures in parallel and give them in batches.

    What an epoch holds is a function of its number and the seed alone: neither the number of
    cores nor an earlier epoch has a part in it.

    Args:
        samples: The pictures; their positions here are their indices.
        size: Height and width of the model's input.
        batch_size: Pictures per batch; the last of an epoch may be smaller.
        shuffle: Seed of the order and of the policy's draws; None keeps the order of `samples`.
        epoch: Number of the first epoch.
        epochs: How many epochs to give one after another; None for no end.
        policy: A compiled policy, called as policy(images, labels, seed, epoch, indices); None
            for pictures as they are. Never give one for validation.
        weights: Factors on the loss by class, float32 [classes], to give each picture's as a
            further element; None for none.
        cache_bytes: Keep decoded pictures in memory if all of them fit; 0 decodes every time.
        stored: What `decoded.keep` made of these samples; nothing is decoded then.
        unreadable: Collects pictures that do not decode; see `tolerate`. Without it the first
            such picture is an error.
        on_unreadable: What takes the place of such a picture: the next readable one ("replace",
            so that batches keep their size), or nothing ("drop", so that scores stay exact).
        with_indices: Give the sample indices as a third element.
        preprocessing: How pictures come to the size; an anatomy's `preprocessing`.
        share: Which of how many even shares of each batch to read; see `shared`.

    Returns:
        A dataset of (images, labels), followed by weights, indices and, for a share, its own
        count of pictures, where they are asked for:
        images uint8 [n, H, W, 3], or float32 after a policy; labels int64 [n], or shares of the
        classes after a policy that mixes; weights float32 [n]; indices int64 [n].
    """
    import tensorflow as tf

    if not samples:
        raise DataError("there are no pictures to make batches of")
    pictures = _Pictures(
        samples,
        size,
        preprocessing,
        cache_bytes,
        unreadable or Unreadable(len(samples), 0.0),
        stored,
    )
    drop = on_unreadable == "drop"
    height, width = size
    steps = -(-len(samples) // batch_size)
    plain = tf.autograph.experimental.do_not_convert

    @plain
    def decoded(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        def take(step: np.ndarray) -> tuple[np.ndarray, ...]:
            number, batch = divmod(int(step), steps)
            places = order(len(samples), shuffle, number)[batch * batch_size :][:batch_size]
            own, count = shared(places, share)
            # What TensorFlow is given it may write into.
            return np.int64(number), count, *pictures.take(own.copy(), drop)

        outputs = (tf.int64, tf.int64, tf.uint8, tf.int64, tf.int64)
        number, count, images, labels, indices = tf.numpy_function(
            take, [step], outputs, stateful=False
        )
        number.set_shape([])
        count.set_shape([])
        images.set_shape([None, height, width, 3])
        labels.set_shape([None])
        indices.set_shape([None])
        return number, count, images, labels, indices

    @plain
    def augmented(
        number: tf.Tensor,
        count: tf.Tensor,
        images: tf.Tensor,
        labels: tf.Tensor,
        indices: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        if policy is not None:
            images, labels = policy(images, labels, shuffle or 0, number, indices)
        weighed = () if weights is None else (weigh(weights, labels),)
        further = (*((indices,) if with_indices else ()), *((count,) if share != WHOLE else ()))
        return (images, labels, *weighed, *further)

    last = (epoch + epochs) * steps if epochs is not None else tf.int64.max
    dataset = tf.data.Dataset.range(epoch * steps, last)
    # One more than there are cores: one may wait for the disk or for the interpreter.
    dataset = dataset.map(decoded, num_parallel_calls=runtime.cores() + 1, deterministic=True)
    return untuned(dataset.map(augmented).prefetch(2))


def shared(batch: np.ndarray, share: tuple[int, int]) -> tuple[np.ndarray, np.int64]:
    """A share of a batch: of n shares the one k has what is at k, k + n, k + 2n and so on.

    Args:
        batch: One row for each picture.
        share: Which of how many.

    Returns:
        Its rows, and how many of them are its own: where the batch is so short that it has none,
        it is lent one, since TensorFlow's convolution gives no batch of none its shape.
    """
    number, shares = share
    count = len(range(number, len(batch), shares))
    return batch[min(number, len(batch) - 1) :: shares], np.int64(count)


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Keep TensorFlow from tuning a pipeline whose parallelism is chosen already.

    The thread that tunes sleeps for ever longer, and closing an iterator waits until it wakes:
    half a second to two at the end of every validation, while nothing is computed.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def weigh(weights: np.ndarray, labels: tf.Tensor) -> tf.Tensor:
    """The factor on the loss of each picture, float32 [n], by its label or its mix of labels."""
    import tensorflow as tf

    if labels.shape.rank == 2:
        return tf.linalg.matvec(labels, weights)
    return tf.gather(weights, labels)


@lru_cache(maxsize=4)
def order(count: int, seed: int | None, epoch: int) -> np.ndarray:
    """The order of an epoch: a permutation that only seed and epoch decide.

    Args:
        count: Number of samples.
        seed: Any integer from 0, or None for the natural order.
        epoch: Number of the epoch, from 0.

    Returns:
        Indices, int64 [count]; to be read only, since others get the same array.
    """
    indices = np.arange(count, dtype=np.int64)
    if seed is not None:
        indices = np.random.default_rng([seed, epoch]).permutation(indices)
    indices.flags.writeable = False
    return indices


@contextmanager
def tolerate(samples: Sequence[Sample], limit: float = UNREADABLE_LIMIT) -> Iterator[Unreadable]:
    """Leave out pictures that do not decode, up to a limit, and keep their names.

    Inside it the error of too many such pictures reaches the caller as the DataError it is,
    although TensorFlow's threads met it.

    Args:
        samples: The pictures about to be read.
        limit: The share of them that may be unreadable.

    Yields:
        The collector to pass to `batches`; its `reasons` name every picture left out.

    Raises:
        DataError: If more than the limit cannot be decoded; the first few are named.

    Example:
        >>> with tolerate(samples) as unreadable:                              # doctest: +SKIP
        ...     for images, labels in batches(samples, (224, 224), 32, unreadable=unreadable):
        ...         ...
        >>> unreadable.reasons                                                 # doctest: +SKIP
        {'train/rose/7.jpg': 'JPEG that cannot be decoded (image file is truncated)'}
    """
    unreadable = Unreadable(len(samples), limit)
    try:
        yield unreadable
    except Exception:
        if unreadable.error is not None:
            raise unreadable.error from None
        raise
    # A thread may meet it in a batch that nobody came to fetch any more.
    if unreadable.error is not None:
        raise unreadable.error


class Unreadable:
    """Pictures that did not decode, and how many of them are too many; safe among threads.

    Args:
        total: How many pictures there are.
        limit: The share of them that may be unreadable.
    """

    def __init__(self, total: int, limit: float) -> None:
        self.total = total
        self.allowed = int(total * limit)
        self.reasons: dict[str, str] = {}
        self.error: DataError | None = None
        self._lock = threading.Lock()

    def add(self, sample: Sample, error: DataError) -> None:
        """Note a picture; raise once there are too many."""
        with self._lock:
            if self.error is not None:  # Other threads are on their way out.
                raise self.error
            self.reasons[sample.id] = error.message.removeprefix(f"{sample.path}: ")
            self._count()

    def join(self, reasons: Mapping[str, str]) -> None:
        """Take in what others met, reasons by the pictures' names; raise if it is too much."""
        with self._lock:
            self.reasons |= reasons
            self._count()

    def _count(self) -> None:
        if len(self.reasons) <= self.allowed:
            return
        named = "; ".join(f"{id}: {why}" for id, why in list(self.reasons.items())[:3])
        count, limit = len(self.reasons), f"at most {self.allowed} may be"
        self.error = DataError(
            f"{count} of {self.total} pictures cannot be decoded, {limit}: {named}",
            hint="mend or remove them",
        )
        raise self.error


class _Pictures:
    """The pixels of samples by index, from the disk, or kept in memory where they fit."""

    def __init__(
        self,
        samples: Sequence[Sample],
        size: tuple[int, int],
        preprocessing: Mapping[str, Any],
        cache_bytes: int,
        unreadable: Unreadable,
        stored: Shards | None,
    ) -> None:
        self._samples = samples
        self._size = size
        self._preprocessing = preprocessing
        self._labels = np.array([sample.label for sample in samples], np.int64)
        self._unreadable = unreadable
        self._broken: set[int] = set()
        self._room = _Room()
        if stored is not None:
            self._cached, self._ready, self._rows = False, stored.there(), stored.gather
            self._broken.update(np.flatnonzero(~self._ready).tolist())
            return
        shape = (len(samples), *size, 3)
        self._cached = bool(np.prod(shape, dtype=np.int64) <= cache_bytes)
        # Pages of an empty array take memory only once they are written.
        self._pixels = np.empty(shape if self._cached else (0,), np.uint8)
        self._ready = np.zeros(len(samples), bool)
        self._rows = self._pixels.__getitem__

    def take(self, indices: np.ndarray, drop: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give images, labels and indices of a batch, unreadable ones dropped or replaced."""
        if self._unreadable.error is not None:  # Whoever met it may have had no one to tell.
            raise self._unreadable.error
        if self._ready[indices].all():
            return self._rows(indices), self._labels[indices], indices
        count = len(self._samples)
        images = self._room.get((len(indices), *self._size, 3))
        taken = []
        for wanted in indices.tolist():
            for step in range(1 if drop else count):
                index = (wanted + step) % count
                pixels = self._one(index)
                if pixels is not None:
                    images[len(taken)] = pixels
                    taken.append(index)
                    break
        chosen = np.array(taken, np.int64)
        return images[: len(taken)], self._labels[chosen], chosen

    def _one(self, index: int) -> np.ndarray | None:
        """Give one picture's pixels, or None where it does not decode."""
        if self._ready[index]:
            return self._rows(np.array([index]))[0]
        if index in self._broken:
            return None
        sample = self._samples[index]
        try:
            pixels = picture.load(sample.path, self._size, self._preprocessing)
        except DataError as error:
            # In this order: what another thread takes for tolerated must be so.
            self._unreadable.add(sample, error)
            self._broken.add(index)
            return None
        if self._cached:
            self._pixels[index] = pixels
            self._ready[index] = True
        return pixels


class _Room:
    """Memory for batches, used again once TensorFlow is done with a batch.

    Pages that the system gives anew are filled with zeros first, which takes a fifth of the time of
    decoding pictures into them.
    """

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []

    def get(self, shape: tuple[int, ...]) -> np.ndarray:
        """An uint8 array that TensorFlow takes as it is: it copies those that begin elsewhere."""
        size = int(np.prod(shape))
        try:
            room = self._free.pop()
        except IndexError:
            room = np.empty(0, np.uint8)
        if room.size < size + ALIGNMENT:
            room = np.empty(size + ALIGNMENT, np.uint8)
        start = -room.ctypes.data % ALIGNMENT
        # Of a memoryview, or its views would be views of the room itself, which stays.
        lent = np.frombuffer(memoryview(room), np.uint8, size, start)
        weakref.finalize(lent, self._free.append, room)
        return lent.reshape(shape)
