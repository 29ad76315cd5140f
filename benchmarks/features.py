"""What training costs beside the bare loops of Keras and tf.data, in one process each taking turns.

Bounds: an epoch of a cached head at least 50 times as fast as the same head on the frozen backbone
end to end; extraction at least 0.9 of the bare compiled model's rate; loading at least 0.95 of a
bare tf.data decode loop.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from record import record

from zoo.engine import runtime

SPEC, SIZE, PICTURES, BATCH = "vgg16+dense:units=256", 150, 2000, 20
LIVE_STEPS = 6
"""Steps of the end-to-end epoch that are timed; an epoch has PICTURES / BATCH of them."""
EXTRACTED = 128
JPEGS, JPEG_SIDE = 1200, 224
PASSES, LOADING_ROUNDS = 12, 10
BOUNDS = {"cached epoch": 50, "extraction": 0.9, "loading": 0.95}


def main() -> None:
    runtime.start("cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loading = load(folder)
        cached, extraction, facts = train(folder)
    ratios = {"cached epoch": cached, "extraction": extraction, "loading": loading["exact"]}
    rows = [
        (
            f"an epoch of the head on stored features, {facts['cached']:.2f} s",
            f"the same end to end, {facts['live']:.0f} s",
            f"{cached:.0f}",
            BOUNDS["cached epoch"],
        ),
        (
            f"features, {facts['extracted']:.1f} pictures/s",
            f"the bare compiled model, {facts['bare']:.1f}",
            f"{extraction:.2f}",
            BOUNDS["extraction"],
        ),
        (
            f"batches of pictures, {loading['zoo rate']:,.0f} pictures/s",
            f"a bare tf.data loop to the same pixels, {loading['exact rate']:,.0f}",
            f"{loading['exact']:.2f}",
            BOUNDS["loading"],
        ),
        (
            "",
            f"with its default, inexact transform, {loading['fast rate']:,.0f}",
            f"{loading['fast']:.2f}",
            "",
        ),
    ]
    note = (
        f"{SPEC}, {SIZE}x{SIZE}, {PICTURES:,} pictures in batches of {BATCH}; the epoch end to end "
        f"is {LIVE_STEPS} of its {PICTURES // BATCH} steps, scaled. Loading: {JPEGS:,} JPEGs of "
        f"{JPEG_SIDE}x{JPEG_SIDE}, {PASSES} times in a row by each in turn, nothing kept in "
        f"memory; the ratio is the median of {LOADING_ROUNDS} of neighbours."
    )
    record(
        "features", "Stored features and loading", ("zoo", "beside", "ratio", "bound"), rows, note,
        ratios=ratios, bounds=BOUNDS, **facts, load=loading,
    )  # fmt: skip
    if any(ratios[name] < bound for name, bound in BOUNDS.items()):
        raise SystemExit(1)


def train(folder: Path) -> tuple[float, float, dict[str, float]]:
    """Ratios of the head's epoch and of extraction, and the figures behind them."""
    import keras
    import tensorflow as tf

    import zoo
    from zoo.engine import cutline, data, features, feed, freeze, phase
    from zoo.recipe import Phase

    model = zoo.build(SPEC, classes=2, input_size=SIZE, seed=0)
    leg = Phase(
        name="head", train="head", epochs=1, learning_rate=2e-5, optimizer="rmsprop",
        batch_size=BATCH,
    )  # fmt: skip
    freeze.free(model, leg)
    tensor = cutline.find(model)
    samples = jpegs(folder / "train", PICTURES, SIZE)
    none = data.Unreadable(1, 0.0)
    source = feed.pictures(
        model, leg, samples, samples[:1], policy=None, weights=None, seed=0, unreadable=(none, none)
    )
    live = epoch(phase.scorer(model, leg, source, 1), source, LIVE_STEPS)

    # Extraction of a part, beside the model alone on pictures that are decoded already.
    part = samples[:EXTRACTED]
    below = keras.Model(model.input, tensor)
    bare = tf.function(lambda images: below(images, training=False))
    images = next(iter(data.batches(part, (SIZE, SIZE), features.BATCH)))[0]
    images = tf.cast(images, tf.float32)
    bare(images)
    times: dict[str, list[float]] = {"zoo": [], "bare": []}
    for number in range(3):
        start = time.perf_counter()
        with cache(folder / f"cache-{number}"):
            features.extract(features.Source(model, tensor), part)
        times["zoo"].append(time.perf_counter() - start)
        start = time.perf_counter()
        for _ in range(EXTRACTED // features.BATCH):
            bare(images)
        times["bare"].append(time.perf_counter() - start)
    took = {name: statistics.median(seconds) for name, seconds in times.items()}

    # The stored rows are noise of the right shape: what a row holds does not change its speed.
    with cache(folder / "cache"):
        stores = features.Source(model, tensor)
        noise(stores, samples)
        cached_source = features.feed(
            stores, leg, samples, samples[:1], weights=None, seed=0, unreadable=(none, none)
        )
        scorer = phase.scorer(model, leg, cached_source, 1)
        cached = epoch(scorer, cached_source, PICTURES // BATCH)
    scaled = live * (PICTURES // BATCH) / LIVE_STEPS
    facts = {
        "live": scaled,
        "cached": cached,
        "extracted": EXTRACTED / took["zoo"],
        "bare": EXTRACTED / took["bare"],
    }
    return scaled / cached, took["bare"] / took["zoo"], facts


def epoch(scorer: Any, source: Any, steps: int) -> float:
    """Seconds of so many steps, after some that are not counted."""
    run = {"steps_per_epoch": 3, "epochs": 1, "verbose": 0, "shuffle": False}
    scorer.fit(source.train(0), **run)
    dataset = source.train(1)
    start = time.perf_counter()
    scorer.fit(dataset, **{**run, "steps_per_epoch": steps})
    return time.perf_counter() - start


def noise(source: Any, samples: list[Any]) -> None:
    """Fill a cache without the backbone; the one validation picture too."""
    from zoo.engine import features, shelf
    from zoo.engine.shards import Shards

    draws = np.random.default_rng(0)
    for part in (samples, samples[:1]):
        facts = source.facts(part, 0)
        folder = shelf.place(facts)
        store = Shards(
            folder, facts, [s.id for s in part], source.tensor.shape[1:], multiple=features.BATCH
        )
        while len(missing := store.missing()):
            places = missing[: store.rows]
            store.write(places, draws.random((len(places), *store.shape), "float32"))


def load(folder: Path) -> dict[str, float]:
    """Pictures per second of our batches and of a bare loop over the same files."""
    import tensorflow as tf

    from zoo.engine import data

    size = (JPEG_SIDE, JPEG_SIDE)
    samples = jpegs(folder / "jpegs", JPEGS, JPEG_SIDE)
    paths = [str(sample.path) for sample in samples]

    def loop(dct_method: str) -> Any:
        def decode(path: Any) -> Any:
            pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method=dct_method)
            return tf.ensure_shape(pixels, (*size, 3))

        dataset = tf.data.Dataset.from_tensor_slices(paths).repeat(PASSES)
        dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.batch(32).prefetch(tf.data.AUTOTUNE)

    makers = {
        "zoo": lambda: data.batches(samples, size, 32, shuffle=0, epochs=PASSES, cache_bytes=0),
        "exact": lambda: loop("INTEGER_ACCURATE"),
        "fast": lambda: loop("INTEGER_FAST"),
    }
    names = list(makers)
    rounds = [
        # Each goes first as often as last.
        {name: seconds(makers[name]()) for name in (names if number % 2 else names[::-1])}
        for number in range(LOADING_ROUNDS + 1)
    ][1:]  # the first warms the page cache

    def rate(name: str) -> float:
        return PASSES * JPEGS / statistics.median(each[name] for each in rounds)

    def ratio(name: str) -> float:
        return statistics.median(each[name] / each["zoo"] for each in rounds)

    rates = {f"{name} rate": rate(name) for name in makers}
    return {**rates, "exact": ratio("exact"), "fast": ratio("fast")}


def seconds(dataset: Any) -> float:
    """How long it takes to go through a dataset."""
    start = time.perf_counter()
    for _ in dataset:
        pass
    return time.perf_counter() - start


def jpegs(folder: Path, count: int, side: int) -> list[Any]:
    """Write drawn pictures, and say what they are."""
    from PIL import Image

    from zoo.engine import generate
    from zoo.engine.sample import Sample

    folder.mkdir()
    names = sorted(generate.SHAPES)
    drawn = [
        generate.draw(names[number % 10], side, np.random.default_rng([0, number]))[0]
        for number in range(32)
    ]
    samples = []
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        pixels = np.roll(drawn[number % 32], number, axis=1)  # no two files are the same
        Image.fromarray(pixels).save(path, quality=92)
        samples.append(Sample(path.name, path, number % 2, "train", path.stat().st_size))
    return samples


@contextmanager
def cache(folder: Path) -> Iterator[None]:
    """Another cache folder inside the block."""
    os.environ["ZOO_CACHE"] = str(folder)
    try:
        yield
    finally:
        del os.environ["ZOO_CACHE"]


if __name__ == "__main__":
    main()
