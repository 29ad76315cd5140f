"""What 10^9 pictures cost: arithmetic on the rates that the other scripts measured.

    python benchmarks/billion.py

Reads the results of `throughput.py`, `gpu.py` and `sharded.py`, measures nothing but how fast a
core decodes pictures and what a driver keeps of one, and writes the tables
of docs/billion.md. The arithmetic is held to the simulation of a thousand workers in
`sharded.json`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from record import HERE, record

from zoo.engine.sharded import cut

PICTURES = 10**9
SIDE, PHOTOGRAPH = 224, (500, 375)
MODELS = {
    "minception": "minception+linear",
    "inception-v1": "inception-v1+linear",
    "inception-v3": "inception-v3+linear",
    "vgg16": "vgg16+dense",
    "inception-resnet-v2": "inception-resnet-v2+linear",
}
FEATURES = {"vgg16": 512, "inception-v1": 1024, "inception-resnet-v2": 1536, "inception-v3": 2048}
"""Numbers a picture after the pool."""

FLEETS = (10, 100, 1_000, 10_000)
PATH = "s3://bucket/pictures/{:03}/{:012}.jpg"
HOUR, TB, GB = 3600.0, 1e12, 1e9
AGREE = 0.05
"""How far the arithmetic may be from the simulation."""


def main() -> None:
    known = Known()
    work = known.work()
    storage = known.storage()
    waits = known.waits()
    model, simulated = known.checked()
    apart = model / simulated - 1
    tables = {
        "work": table(
            ("backbone", "core hours", "H200 hours", "cores that feed an H200 from 224-px files",
             "from photographs", "GB/s that it reads of those"),
            work,
        ),
        "storage": table(("what", "a picture", "10^9 of them"), storage),
        "waits": table(
            ("workers", "their hours", "the driver's", "the merge's", "together", "all wait for"),
            waits,
        ),
    }  # fmt: skip
    header = ("10^9 pictures on a thousand workers", "hours")
    rows = [("by the arithmetic", f"{model:.2f}"), ("by the simulation", f"{simulated:.2f}")]
    tables["check"] = table(header, rows)
    note = (
        f"Apart by {apart:+.1%}; the bound is {AGREE:.0%}. docs/billion.md has the tables that "
        "follow from the rates."
    )
    record("billion", "A billion pictures", header, rows, note, tables=tables, **known.facts())
    if abs(apart) > AGREE:
        raise SystemExit(1)


class Known:
    """The rates, a second and a core unless it says otherwise."""

    def __init__(self) -> None:
        sharded = read("sharded.json")
        rows, gpu = read("rows/throughput.json"), read("rows/gpu.json")
        cores = rows["machine"]["cores"]
        self.cpu = {
            name: best(rows["rows"], target, "inference") / cores for name, target in MODELS.items()
        }
        self.gpu = {name: best(gpu["rows"], f"{name}+", "inference") for name in MODELS}
        with tempfile.TemporaryDirectory() as folder:
            self.small_bytes, self.decode = photographs(Path(folder), (SIDE, SIDE))
            self.photograph_bytes, self.photograph = photographs(Path(folder), PHOTOGRAPH)
        self.row_bytes = kept()
        self.fleet, self.merge = sharded["fleet"], sharded["merge"]

    def facts(self) -> dict[str, Any]:
        """All of it, for the record."""
        return {key: value for key, value in vars(self).items() if key not in ("fleet", "merge")}

    def work(self) -> list[tuple[str, ...]]:
        """Hours of cores and of GPUs, and what a GPU needs beside it."""
        rows = []
        for name in MODELS:
            core, gpu = self.cpu[name], self.gpu[name]
            together = 1 / core + 1 / self.decode
            rows.append(
                (
                    name,
                    f"{PICTURES * together / HOUR:,.0f}",
                    f"{PICTURES / gpu / HOUR:,.1f}",
                    f"{gpu / self.decode:,.1f}",
                    f"{gpu / self.photograph:,.0f}",
                    f"{gpu * self.photograph_bytes / GB:.1f}",
                )
            )
        return rows

    def storage(self) -> list[tuple[str, ...]]:
        """Bytes of everything that is written down."""
        sizes = [
            (f"pictures, {SIDE} px", self.small_bytes),
            (f"photographs, {PHOTOGRAPH[0]}x{PHOTOGRAPH[1]}", self.photograph_bytes),
            *((f"features of {name}, after the pool, float16", 2 * n) for name, n in
              FEATURES.items()),
            ("features of vgg16 before it, 7x7x512", 2 * 7 * 7 * 512),
            ("parts with three answers each", self.merge["bytes"]),
            ("the driver's memory for paths and sizes", self.row_bytes),
        ]  # fmt: skip
        return [
            (what, f"{size:,.0f} bytes", f"{size * PICTURES / TB:,.2f} TB") for what, size in sizes
        ]

    def waits(self) -> list[tuple[str, ...]]:
        """Where the time goes as workers become more."""
        rows = []
        for kind, rate in (
            ("cores, vgg16", 1 / (1 / self.cpu["vgg16"] + 1 / self.decode)),
            ("H200, vgg16", self.gpu["vgg16"]),
        ):
            for count in FLEETS:
                parts = {
                    "the workers": PICTURES / rate / count / HOUR,
                    "the driver": self.driver(),
                    "the merge": self.merging(),
                }
                # Workers and driver work at the same time, the merge after them.
                together = max(parts["the workers"], parts["the driver"]) + parts["the merge"]
                rows.append(
                    (
                        f"{count:,} {kind}",
                        *(f"{hours:,.2f}" for hours in parts.values()),
                        f"{together:,.2f} h",
                        max(parts, key=lambda name: parts[name]),
                    )
                )
        return rows

    def driver(self) -> float:
        """Hours of writing orders and noting what was done."""
        return PICTURES / cut.MOST / self.fleet["orders/s"] / HOUR

    def merging(self) -> float:
        """Hours of reading all parts once and writing the answers."""
        return PICTURES / self.merge["rows/s"] / HOUR

    def checked(self) -> tuple[float, float]:
        """Hours of the simulated fleet by the arithmetic, and by the simulation."""
        from sharded import DEATHS, FLEET, SHARD_SECONDS, START_SECONDS

        shards = PICTURES / cut.MOST
        # A worker that dies has lost half a shard, on average, and its start.
        lost = DEATHS * (SHARD_SECONDS / 2 + START_SECONDS)
        model = START_SECONDS + shards * (SHARD_SECONDS + lost) / FLEET
        return model / HOUR, self.fleet["span"] / HOUR


def read(name: str) -> Any:
    """A stored result."""
    return json.loads((HERE / "results" / name).read_text(encoding="utf-8"))


def best(rows: Sequence[Any], target: str, mode: str) -> float:
    """The highest rate of a model over the batch sizes that were measured."""
    return max(
        row["images_per_second"]
        for row in rows
        if row["case"]["target"].startswith(target) and row["case"]["mode"] == mode
    )


def photographs(folder: Path, size: tuple[int, int]) -> tuple[float, float]:
    """Bytes of such JPEGs, and how many of them a core brings to the model's size in a second."""
    from PIL import Image

    from zoo.engine import picture

    draws = np.random.default_rng(0)
    width, height = size
    paths = []
    for number in range(24):
        # Soft shapes and grain: at this quality as many bytes as a photograph of the size has.
        coarse = draws.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
        soft = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
        grain = draws.normal(0, 14, soft.shape)
        paths.append(folder / f"{width}-{number}.jpg")
        Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(paths[-1], quality=90)

    def seconds() -> float:
        start = time.perf_counter()
        for path in paths:
            picture.load(path, (SIDE, SIDE))
        return time.perf_counter() - start

    rate = len(paths) / statistics.median(seconds() for _ in range(9))
    return statistics.mean(path.stat().st_size for path in paths), rate


def kept() -> float:
    """Bytes that a driver keeps of a picture: its path and its size."""
    count = 100_000
    tracemalloc.start()
    listed = [(PATH.format(number % 100, number), 100_000 + number) for number in range(count)]
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size / len(listed)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
