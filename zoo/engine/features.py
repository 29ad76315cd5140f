"""Features computed once: what a frozen backbone makes of each picture, kept for all later runs.

A cache is known by what decides its numbers: the weights and the graph below the cut, the way from
file to pixels, the augmentation of each view, the pictures' content and the versions of the
libraries. Any change of these is another cache; none of them ever expires. Rows are found by
sample, so no order of reading can put a label to another picture's features.
"""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from zoo import remote, transform
from zoo.engine import anatomy, augment, cutline, data, freeze, runtime, shelf
from zoo.engine.assemble import assemble
from zoo.engine.feed import Feed, once
from zoo.engine.shards import Shards, TooLarge
from zoo.errors import DataError, ModelError
from zoo.recipe import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.engine.folder import ImageFolder, Sample
    from zoo.engine.sharded.run import Crew
    from zoo.registry import ResolvedModel
    from zoo.transform import Transform

    Progress = Callable[[int, int], None]

SCHEMA = 2
BATCH = 32
"""Pictures that go through the backbone at once: a part of the key, since it may decide bits."""

READ = 256
"""Files whose contents are told apart at once."""


@dataclass(frozen=True)
class Source:
    """All that decides a cache's numbers.

    Args:
        model: The model; its layers set free as the phase says.
        tensor: The cut.
        transforms: The augmentation of its views; empty for pictures as they are.
        seed: Of the augmentation.
    """

    model: keras.Model
    tensor: keras.KerasTensor
    transforms: Sequence[Transform] = ()
    seed: int = 0

    def extractor(self) -> keras.Model:
        """The model up to the cut."""
        return keras.Model(self.model.input, self.tensor)

    def facts(self, samples: Sequence[Sample], view: int) -> dict[str, Any]:
        """The key as plain data, for one view of some pictures."""
        below = self.extractor()
        weights = hashlib.sha256()
        for variable in below.variables:
            if "seed_generator" not in variable.path:
                weights.update(keras.ops.convert_to_numpy(variable.value).tobytes())
        layers = [[type(layer).__name__, layer.get_config()] for layer in below.layers]
        policy = transform.document(list(self.transforms))
        return {
            "schema": SCHEMA,
            "cut": cutline.name(self.tensor),
            "weights": weights.hexdigest(),
            "graph": shelf.digest(layers),
            "dtype": below.dtype_policy.name,
            "input_size": list(self.model.input.shape[1:3]),
            "preprocessing": anatomy.of(self.model).preprocessing,
            "policy": policy,
            "draws": [self.seed, view] if policy else None,
            "batch": BATCH,
            "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
            "device": [device.device_type for device in tf.config.get_visible_devices()][-1],
            "pictures": _contents(samples),
        }


def feed(
    source: Source,
    phase: Phase,
    train: Sequence[Sample],
    val: Sequence[Sample],
    *,
    weights: np.ndarray | None,
    seed: int,
    unreadable: tuple[data.Unreadable, data.Unreadable],
    progress: Progress | None = None,
    share: tuple[int, int] = data.WHOLE,
) -> Feed | None:
    """Read features instead of pictures, computing those that are not there yet.

    Args:
        source: What decides them.
        phase: The phase; with a policy its `views` augmented views serve in turn.
        train: Training pictures.
        val: Validation pictures, of which there is one view, never augmented.
        weights: Factor on the loss by class, or None.
        seed: Of the order.
        unreadable: Collectors for training and validation pictures that do not decode.
        progress: Called with pictures done and pictures in all.
        share: As for `data.batches`.

    Returns:
        The feed, or None where the features would not fit on the disk.
    """
    views = phase.views or 1
    shape = source.tensor.shape[1:]
    if not shelf.has_room(2 * int(np.prod(shape)) * (views * len(train) + len(val))):
        return None
    total = views * len(train) + len(val)
    done = 0
    stores = []
    for view in range(views):
        stores.append(extract(source, train, view, unreadable[0], _shifted(progress, done, total)))
        done += len(train)
    plain = Source(source.model, source.tensor)
    clean = extract(plain, val, 0, unreadable[1], _shifted(progress, done, total))

    def part(kind: type[keras.Model]) -> keras.Model:
        return cutline.above(source.model, source.tensor, kind)

    def training(epoch: int) -> tf.data.Dataset:
        def store(epoch: int) -> Shards:
            turn = data.order(views, seed, epoch // views)
            return stores[turn[epoch % views]]

        return _batches(train, phase.batch_size, store, weights, seed, epoch, share)

    validation = _batches(val, phase.batch_size, lambda epoch: clean, None, None, 0, share)
    validation = once(validation.take(-(-len(val) // phase.batch_size)))
    ids = tuple(sample.id for sample in train)
    return Feed(part, training, validation, ids, len(val))


def of_folder(
    resolved: ResolvedModel,
    folder: ImageFolder,
    input_size: tuple[int, int] | None,
    seed: int,
    progress: Progress | None = None,
    crew: Crew | None = None,
) -> dict[str, Any]:
    """Compute what a training of the head alone will read.

    Args:
        resolved: The model's name.
        folder: The pictures; those of train and val are computed.
        input_size: As for `assemble`.
        seed: Of the training: without pretrained weights it decides the backbone.
        progress: Called with pictures done and pictures in all.
        crew: Shares the work out; None for this process alone.

    Returns:
        `features`: a row of `shelf.stored` for each split.

    Raises:
        ModelError: If the head reads more than one map.
        DataError: If too many pictures do not decode.
    """
    model = assemble(resolved, classes=folder.classes, input_size=input_size, seed=seed)
    freeze.free(model, Phase(name="head", train="head", epochs=1, learning_rate=1.0))
    tensor = cutline.find(model)
    if tensor is None:
        raise ModelError(f"{resolved.spec} cannot be cut: its head reads more than one map")
    wanted = set()
    for split in ("train", "val"):
        samples = folder.split(split)
        if samples:
            with data.tolerate(samples) as unreadable:
                store = extract(Source(model, tensor), samples, 0, unreadable, progress, crew)
            wanted.add(str(store.folder))
    rows = [row for row in shelf.stored() if row["folder"] in wanted]
    return {"features": sorted(rows, key=lambda row: -row["samples"])}


def extract(
    source: Source,
    samples: Sequence[Sample],
    view: int = 0,
    unreadable: data.Unreadable | None = None,
    progress: Progress | None = None,
    crew: Crew | None = None,
) -> Shards:
    """Compute the features of some pictures that are not in the cache yet.

    Whatever ended an earlier process, its whole shards are kept.

    Args:
        source: What decides them.
        samples: The pictures.
        view: Which draw of the augmentation.
        unreadable: Collects pictures that do not decode; they have no row.
        progress: Called with pictures done and pictures in all.
        crew: Shares out the work on pictures as they are; None for this process alone.

    Returns:
        The features, mapped into memory.

    Raises:
        DataError: If too many pictures do not decode, or none does.
    """
    facts = source.facts(samples, view)
    folder = shelf.place(facts)
    ids = [sample.id for sample in samples]
    shape = source.tensor.shape[1:]

    def fill(store: Shards) -> None:
        if crew is None:
            _fill(store, source, samples, view, unreadable, progress)
        else:
            from zoo.engine.sharded.tasks import features

            features.fill(store, source, samples, unreadable, crew)

    store = Shards(folder, facts, ids, shape, multiple=BATCH)
    try:
        fill(store)
    except TooLarge:
        shutil.rmtree(folder, ignore_errors=True)
        store = Shards(folder, facts, ids, shape, multiple=BATCH, dtype="float32")
        store.begin()
        fill(store)
    shelf.used(folder)
    if not store.there().any():
        raise DataError("none of the pictures can be decoded", hint="zoo data check tells more")
    return store


def _fill(
    store: Shards,
    source: Source,
    samples: Sequence[Sample],
    view: int,
    unreadable: data.Unreadable | None,
    progress: Progress | None,
) -> None:
    """Compute the shards that are missing, in one pass over their pictures."""
    missing = store.missing()
    if not len(missing):
        return
    size = tuple(source.model.input.shape[1:3])
    preprocessing = anatomy.of(source.model).preprocessing
    cover = preprocessing.get("cover")
    policy = augment.for_training(source.transforms, size, cover)
    given = size if policy is None else policy.given(size, cover)

    compute = computing(source.extractor())
    batches = data.batches(
        [samples[place] for place in missing], given, BATCH,
        cache_bytes=0, unreadable=unreadable, on_unreadable="drop", with_indices=True,
        preprocessing=preprocessing,
    )  # fmt: skip
    done = len(samples) - len(missing)
    with store.filling() as add:
        for images, _, indices in batches:
            if not len(indices):
                continue
            found = missing[indices.numpy()]
            if policy is not None:
                images = policy.apply(images.numpy(), source.seed, view, found)
            add(found, compute(images))
            done += len(found)
            if progress is not None:
                progress(done, len(samples))


def computing(model: keras.Model) -> Callable[[Any], np.ndarray]:
    """Compile an extractor: pictures [n, H, W, 3] of any type, 0..255, to features float32."""
    size = tuple(model.input.shape[1:3])

    @tf.function(input_signature=[tf.TensorSpec((None, *size, 3))])
    def compute(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(images, training=False), tf.float32)

    return lambda images: compute(tf.cast(images, tf.float32)).numpy()


def _batches(
    samples: Sequence[Sample],
    batch_size: int,
    store: Callable[[int], Shards],
    weights: np.ndarray | None,
    seed: int | None,
    first: int,
    share: tuple[int, int],
) -> tf.data.Dataset:
    """Endless batches of stored rows, in the order in which `data.batches` gives pictures."""
    labels = np.array([sample.label for sample in samples], np.int64)
    count = len(samples)
    example = store(first)
    steps = -(-count // batch_size)
    # A picture without a row gives its place to the next that has one, as `data.batches` does.
    there = np.flatnonzero(example.there())
    stand_in = there[np.searchsorted(there, np.arange(count)) % len(there)]

    def rows(step: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.int64]:
        epoch, batch = divmod(int(step), steps)
        order = data.order(count, seed, epoch)[batch * batch_size :][:batch_size]
        own, mine = data.shared(order, share)
        places = stand_in[own]
        return store(epoch).gather(places), labels[places], mine

    def read(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        kinds = (tf.as_dtype(example.dtype), tf.int64, tf.int64)
        features, wanted, mine = tf.numpy_function(rows, [step], kinds, stateful=False)
        features.set_shape([None, *example.shape])
        wanted.set_shape([None])
        mine.set_shape([])
        weighed = () if weights is None else (data.weigh(weights, wanted),)
        return (features, wanted, *weighed, *((mine,) if share != data.WHOLE else ()))

    plain = tf.autograph.experimental.do_not_convert(read)
    dataset = tf.data.Dataset.range(first * steps, tf.int64.max)
    dataset = dataset.map(plain, num_parallel_calls=runtime.cores(), deterministic=True)
    return data.untuned(dataset.prefetch(4))


def _contents(samples: Sequence[Sample]) -> str:
    """A digest of names and contents, in order: the same for a copy elsewhere."""
    whole = hashlib.sha256()
    with ThreadPoolExecutor(runtime.cores()) as threads:
        batches = remote.batches([sample.place for sample in samples], READ)
        digests = chain.from_iterable(threads.map(_content, here) for here in batches)
        for sample, digest in zip(samples, digests, strict=True):
            whole.update(sample.id.encode() + b"\0" + digest)
    return whole.hexdigest()


def _content(file: Path | DataError) -> bytes:
    try:
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").digest()
    except OSError:
        pass
    return b"unreadable"


def _shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    return None if progress is None else lambda here, _: progress(done + here, total)
