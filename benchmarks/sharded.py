"""Sharded work: what the layer costs, what a second worker gives, how far one driver reaches.

Bounds: two workers on two cores at least 1.7 times one; one worker under the layer at least 0.97
of the plain loop on one thread; a worker's memory flat from a thousand rows to a million.

The reach of the driver is measured without workers: a thousand that only exist in a queue of times
at which they end what they were given, die now and then, and start again. The driver, the orders it
writes, and the merge are the real ones; time is what the queue says.
"""

from __future__ import annotations

import csv
import heapq
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from record import record

from zoo.engine import machine, shards
from zoo.engine.sharded import run
from zoo.engine.sharded.cut import cut
from zoo.engine.sharded.driver import Driver
from zoo.engine.sharded.event import Event
from zoo.engine.sharded.job import Job, versions
from zoo.engine.sharded.part import Part
from zoo.engine.sharded.place import LocalPlace
from zoo.engine.sharded.tasks import predict
from zoo.engine.sharded.work import Work

SPEC, SIZE, PICTURES, SIDE, BATCH, ROUNDS = "mobilenet-v2+linear", 160, 2048, 200, 16, 3
MANIFESTS, READ = (1_000, 1_000_000), (1_000, 60_000)
"""Rows of manifests of simulated pictures, and of pictures that are read, of a few files."""

SMALL, SMALL_SIZE = "small-cnn:width=0.25+linear", 32
FLEET, BILLION = 1000, 10**9
SHARD_SECONDS, START_SECONDS, DEATHS = 600.0, 30.0, 0.01
"""What a simulated worker takes for 4,096 pictures and to start, and the share of shards it dies
of; seven pictures a second is one core of the machines at hand on VGG16."""

MERGED_PARTS = 100
BOUNDS = {"two workers": 1.7, "layer": 0.97, "memory": 1.05, "more memory": 8 << 20}


def main(tiny: bool = False) -> None:
    rounds, pictures = (1, 64) if tiny else (ROUNDS, PICTURES)
    manifests = (1_000, 20_000) if tiny else MANIFESTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speed = throughput(folder, pictures, rounds)
        reading = {rows: read(folder, rows) for rows in ((100, 300) if tiny else READ)}
        memory = {rows: costless(rows) for rows in manifests}
        merge = merged(folder, 5 if tiny else MERGED_PARTS)
    fleet = simulated(BILLION // (100 if tiny else 1))
    small, large = (memory[rows] for rows in manifests)
    ratios = {
        "two workers": speed["two"] / speed["one"],
        "layer": speed["one"] / speed["plain"],
        "memory": max(reading.values()) / min(reading.values()),
        "more memory": large["worker"] - small["worker"],
    }
    mib = 2**20
    rows = [
        (
            f"one worker, {speed['one']:.1f} pictures/s",
            f"the plain loop on one thread, {speed['plain']:.1f}",
            f"{ratios['layer']:.3f}",
            f"at least {BOUNDS['layer']}",
        ),
        (
            f"two workers, {speed['two']:.1f} pictures/s",
            f"one worker, {speed['one']:.1f}",
            f"{ratios['two workers']:.2f}",
            f"at least {BOUNDS['two workers']}",
        ),
        (
            f"memory of one that reads {READ[1]:,} rows, {reading[max(reading)] / mib:.0f} MiB",
            f"{READ[0]:,} rows, {reading[min(reading)] / mib:.0f} MiB",
            f"{ratios['memory']:.3f}",
            f"at most {BOUNDS['memory']}",
        ),
        (
            f"memory of one that is given {manifests[1]:,} rows, {large['worker'] / mib:.1f} MiB",
            f"{manifests[0]:,} rows, {small['worker'] / mib:.1f} MiB",
            f"+{ratios['more memory'] / mib:.1f} MiB",
            f"at most +{BOUNDS['more memory'] >> 20} MiB",
        ),
        (
            f"rows through driver, two workers and merge, {large['rate']:,.0f}/s",
            "work that costs nothing",
            "",
            "",
        ),
        (
            f"shards that a driver hands to {FLEET:,} workers, {fleet['shards/s']:,.0f}/s",
            f"with their orders written, {fleet['orders/s']:,.0f}/s",
            "",
            "",
        ),
        (
            f"{fleet['shards']:,} shards on {FLEET:,} workers, a hundredth of which end one: "
            f"{fleet['span'] / 3600:.1f} h",
            f"were none idle, {fleet['ideal'] / 3600:.1f} h",
            f"{fleet['ideal'] / fleet['span']:.3f}",
            "",
        ),
        (
            f"merge of answers into a CSV, {merge['rows/s']:,.0f} rows/s",
            f"parts of {merge['bytes']:.0f} bytes a row",
            "",
            "",
        ),
        (
            f"check of stored features, {merge['features bytes/s'] / 2**30:.2f} GiB/s",
            "",
            "",
            "",
        ),
    ]
    note = (
        f"{SPEC}, {SIZE}x{SIZE}, {pictures:,} JPEGs of {SIDE}x{SIDE} in batches of {BATCH}, from "
        f"the first order to the merged answers; medians of {rounds} rounds, taking turns. Workers "
        "have one thread each. The thousand workers are simulated, shards of 4,096 rows take each "
        f"{SHARD_SECONDS:.0f} s give or take a quarter; driver and merge are the real ones."
    )
    if tiny:
        print(json.dumps({"rows": rows, "ratios": ratios}, indent=1))
        return
    record(
        "sharded", "Sharded work", ("zoo", "beside", "ratio", "bound"), rows, note,
        ratios=ratios, bounds=BOUNDS, speed=speed, reading=reading, memory=memory, fleet=fleet,
        merge=merge,
    )  # fmt: skip
    worse = [name for name in ("two workers", "layer") if ratios[name] < BOUNDS[name]]
    worse += [name for name in ("memory", "more memory") if ratios[name] > BOUNDS[name]]
    if worse:
        raise SystemExit(1)


# -- the rate of real workers


def throughput(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Pictures a second of the plain loop, of one worker and of two, medians of rounds."""
    model = folder / "model.keras"
    files = jpegs(folder / "pictures", count)
    child(f"build({str(model)!r}, {SPEC!r}, {SIZE})")
    found: dict[str, list[float]] = {"plain": [], "one": [], "two": []}
    for _ in range(rounds):
        seconds = float(child(f"plain({str(model)!r}, {str(folder / 'pictures')!r})"))
        found["plain"].append(count / seconds)
        for name, workers in (("one", 1), ("two", 2)):
            found[name].append(count / shared(model, files, folder / "out.csv", workers))
    return {name: statistics.median(rates) for name, rates in found.items()}


def build(model: str, spec: str, size: int) -> None:
    import zoo
    from zoo.engine import artefact, runtime

    runtime.start("cpu")
    artefact.save(zoo.build(spec, classes=1000, input_size=size, seed=0), model)


def plain(model: str, pictures: str) -> None:
    """The loop that a user would write for one thread: read, answer, keep; nothing else."""
    from zoo.engine.sharded import worker

    worker.hold()
    from zoo.engine import runtime

    runtime.start("cpu")
    from zoo.engine import anatomy, artefact, picture
    from zoo.engine.predict import probabilities
    from zoo.engine.ranking import ranked

    loaded = artefact.load(model)
    known = anatomy.of(loaded)
    files = sorted(Path(pictures).iterdir())
    records = []
    start = time.perf_counter()
    for first in range(0, len(files), BATCH):
        some = files[first : first + BATCH]
        images = np.stack(
            [picture.load(file, known.input_size, known.preprocessing) for file in some]
        )
        answers = probabilities(loaded, images)
        records += [ranked(row, known.classes, 3) for row in answers]
    print(time.perf_counter() - start)


def shared(model: Path, files: Sequence[Path], out: Path, workers: int) -> float:
    """Seconds from the first order to the last merged answer."""
    listed = [(str(path), path.stat().st_size) for path in files]
    work = predict.work(model, listed, batch_size=BATCH, top=3, tta=None, device="cpu")
    began: list[float] = []

    def ordered(places: range) -> Any:
        began.append(time.perf_counter())
        return work.rows(places)

    with run.merged(replace(work, rows=ordered), run.Crew(workers), out) as lines:
        count = sum(1 for _ in lines)
    assert count == len(files)
    return time.perf_counter() - began[0]


def jpegs(folder: Path, count: int) -> list[Path]:
    from PIL import Image

    folder.mkdir()
    draws = np.random.default_rng(0)
    # Soft noise: a photograph's bytes, about.
    base = Image.fromarray(draws.integers(0, 255, (SIDE // 4, SIDE // 4, 3), dtype=np.uint8))
    pixels = np.asarray(base.resize((SIDE, SIDE)))
    files = []
    for number in range(count):
        files.append(folder / f"{number:05}.jpg")
        Image.fromarray(np.roll(pixels, number, axis=1)).save(files[-1], quality=92)
    return files


def child(call: str) -> str:
    """What a function of this file prints in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sharded; sharded.{call}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


# -- memory


class Watched(predict.Predict):
    """Answers for pictures, and tells at the end of a shard how much memory its process took."""

    def __call__(self, start: int, rows: Sequence[Any], tell: Any) -> Iterator[Any]:
        """Give the records, and the peak so far."""
        yield from super().__call__(start, rows, tell)
        yield {"peak": machine.peak_memory()}


def read(folder: Path, count: int) -> int:
    """Peak memory of a worker that reads a manifest of so many rows, which name a few files."""
    model = folder / "small.keras"
    if not model.exists():
        child(f"build({str(model)!r}, {SMALL!r}, {SMALL_SIZE})")
    files = sorted((folder / "pictures").iterdir())[:32]
    listed = [(str(files[row % 32]), row) for row in range(count)]
    work = predict.work(model, listed, batch_size=BATCH, top=3, tta=None, device="cpu")
    with run.merged(
        replace(work, task="sharded:Watched"), run.Crew(2), folder / "out.csv"
    ) as lines:
        return max(line.get("peak", 0) for line in lines)


class Costless:
    """Says how much memory its process took; of every row it keeps nothing."""

    def __call__(self, start: int, rows: Sequence[Any], tell: Any) -> Iterator[Any]:
        """Give the peak so far, once a row."""
        peak = machine.peak_memory()
        yield from ([peak] for _ in rows)


def costless(count: int) -> dict[str, float]:
    """Peak memory of a worker, and rows a second, for a manifest of so many rows."""

    def rows(places: range) -> list[list[str]]:
        return [[f"s3://bucket/pictures/{place % 100:03}/{place:012}.jpg"] for place in places]

    made = cut(count, 32)
    work = Work(Job("costless", {"rows": count}), made, rows, "sharded:Costless", {})
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.csv")
        with run.merged(work, run.Crew(2), out) as lines:
            peak = max(line[0] for line in lines)
    return {"worker": peak, "rate": count / (time.perf_counter() - start)}


# -- a fleet that does not exist


class Fleet:
    """Workers that are times in a queue.

    Args:
        written: Whether each order is written as local workers are sent it.
    """

    def __init__(self, written: bool) -> None:
        self._written = written
        self._draw = random.Random(0)
        self._queue: list[tuple[float, int, str, Any]] = []
        self._hello = {"versions": versions(), "process": 0}
        self.now = self.busy = 0.0

    def start(self, worker: int, seat: int) -> None:
        """Be ready after a while."""
        heapq.heappush(self._queue, (self.now + START_SECONDS, worker, "ready", self._hello))

    def give(self, worker: int, order: Any) -> None:
        """Be done after a while, or dead."""
        if self._written:
            json.dumps(order)
        took = SHARD_SECONDS * self._draw.uniform(0.75, 1.25)
        dies = self._draw.random() < DEATHS
        took *= self._draw.random() if dies else 1.0
        self.busy += 0.0 if dies else took
        told = ("died", "SIGKILL") if dies else ("done", {"rows": 4096, "lines": None})
        heapq.heappush(self._queue, (self.now + took, worker, *told))

    def next(self, timeout: float) -> Any:
        """Go to when the next thing happens."""
        self.now, worker, kind, value = heapq.heappop(self._queue)
        return Event(worker, kind, value)

    def stop(self) -> None:
        """Forget all of them."""
        self._queue.clear()


def simulated(count: int) -> dict[str, float]:
    """Drive a fleet through a manifest: once as it is, once a part of it with orders written."""
    made = cut(count, 32)
    fleet = Fleet(written=False)
    done: list[int] = []
    start = time.perf_counter()
    poisoned = Driver(
        fleet, FLEET, lambda shard: {"shard": shard, "start": 0, "rows": []},
        committed=lambda shard, lines: done.append(shard),
    ).run(range(len(made)))  # fmt: skip
    seconds = time.perf_counter() - start
    assert len(done) + len(poisoned) == len(made)

    def order(shard: int) -> dict[str, Any]:
        places = made.rows(shard)
        rows = [[f"s3://bucket/pictures/{place % 100:03}/{place:012}.jpg"] for place in places]
        return {"shard": shard, "start": places.start, "rows": rows}

    some = min(len(made), 3 * FLEET)
    start = time.perf_counter()
    Driver(Fleet(written=True), FLEET, order).run(range(some))
    written = time.perf_counter() - start
    return {
        "shards": len(made),
        "shards/s": len(made) / seconds,
        "orders/s": some / written,
        "span": fleet.now,
        "ideal": fleet.busy / FLEET,
        "poisoned": len(poisoned),
    }


# -- the merge


def merged(folder: Path, count: int) -> dict[str, float]:
    """Rows a second of real parts into a CSV, and bytes a second of a check of features."""
    place = LocalPlace(folder / "parts")
    draws = np.random.default_rng(0)
    for number in range(count):
        lines = []
        for row in range(4096):
            top = [
                {"class": f"class {each}", "probability": float(np.float32(p))}
                for each, p in enumerate(draws.random(3))
            ]
            path = f"s3://bucket/pictures/{row % 100:03}/{number:06}{row:06}.jpg"
            lines.append({"path": path, **top[0], "top": top})
        Part("0" * 64, number, 4096).write(place, lines)
    total = sum(path.stat().st_size for path in place.folder.iterdir())
    start = time.perf_counter()
    with (folder / "merged.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        for number in range(count):
            for line in Part("0" * 64, number, 4096).read(place):
                rows.writerow((line["path"], line["class"], f"{line['probability']:.6f}", None))
    seconds = time.perf_counter() - start

    ids = [str(number) for number in range(16 * 4096)]
    store = shards.Shards(folder / "store", {}, ids, (2048,), multiple=32)
    block = np.ones((store.rows, 2048), np.float16)
    there = {}
    for number in range(store.count):
        places = np.arange(number * store.rows, (number + 1) * store.rows)
        there[number] = shards.save(store.path(number), places, block, "float16")
    begun = time.perf_counter()
    store.adopt(there)
    checked = time.perf_counter() - begun
    return {
        "rows/s": count * 4096 / seconds,
        "bytes": total / count / 4096,
        "features bytes/s": store.count * block.nbytes / checked,
    }


if __name__ == "__main__":
    main(tiny="--tiny" in sys.argv)
