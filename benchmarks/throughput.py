"""How fast the seven backbones of the teaching sources run here, inference and a step of training.

    python benchmarks/throughput.py [--new] [--minutes N] [NAME ...]

Rows that `results/rows/throughput.json` holds are not measured again without --new, so that the
table can be filled in several sittings. It stops after nine minutes, or N. KERAS_BACKEND=jax runs
them on JAX; on a GPU it is `gpu.py` that measures.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from record import HERE, record

from zoo.benchmark import document, table
from zoo.benchmark.case import Case
from zoo.benchmark.document import Document
from zoo.engine.bench import run

# Heads as the sources have them, at the size that the backbone was made for.
MODELS = {
    "small-cnn": "small-cnn+linear",
    "minception": "minception+linear",
    "inception-v1": "inception-v1+linear",
    "vgg16": "vgg16+dense",
    "vgg16bn": "vgg16bn+dense-bn",
    "inception-v3": "inception-v3+linear",
    "inception-resnet-v2": "inception-resnet-v2+linear",
}
BATCHES = {"inference": (1, 8), "train": (4,)}
SECONDS = 2.0
ROWS = HERE / "results" / "rows" / "throughput.json"


def main() -> None:
    started = time.monotonic()
    reader = argparse.ArgumentParser()
    reader.add_argument("names", nargs="*", default=list(MODELS))
    reader.add_argument("--new", action="store_true")
    reader.add_argument("--minutes", type=float, default=9.0)
    asked = reader.parse_args()
    known = document.read(ROWS) if ROWS.exists() and not asked.new else None
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    cases = [
        Case(
            target=MODELS[name], mode=mode, batch_size=batch, backend=backend, device="cpu",
            seconds=SECONDS,
        )
        for name in MODELS
        for mode, batches in BATCHES.items()
        for batch in batches
    ]  # fmt: skip
    held = {row.case.key for row in known.rows} if known else set()
    wanted = {MODELS[name] for name in asked.names}
    # The cheapest first, should time run out.
    for case in sorted(cases, key=lambda each: each.batch_size):
        if case.key in held or case.target not in wanted:
            continue
        if time.monotonic() - started > 60 * asked.minutes:
            print("time is over: run it again for the rest", file=sys.stderr)
            break
        print(run.sentence(case), file=sys.stderr)
        there = [each for each in cases if each.key in held or each is case]
        known = run.rows(there, done=known)
        held.add(case.key)
        ROWS.parent.mkdir(parents=True, exist_ok=True)
        document.write(known, ROWS)
    if known is not None:
        tell(known)


def tell(measured: Document) -> None:
    """Write the table, with what makes a row doubtful below it."""
    header, lines = table.cells(measured.rows)
    remarks = table.remarks(measured.rows)
    peaks = ", ".join(
        f"{peak.gemm_gflops:,.0f} GFLOP/s in a matrix product, {peak.copy_gbytes:.1f} GB/s copied"
        for peak in measured.peaks
    )
    device = next((row.device for row in measured.rows if row.device), "")
    note = (
        f"On {device}. Each row in a fresh process, random weights, 1000 classes, pictures on the "
        "device; a training step is SGD with momentum. ms are medians of single steps, with their "
        f"median absolute deviation. The device itself: {peaks}."
    )
    if remarks:
        note += " Doubtful: " + "; ".join(remarks) + "."
    record(
        "throughput",
        "Throughput",
        header,
        lines,
        note,
        measured=[r.model_dump() for r in measured.rows],
    )


if __name__ == "__main__":
    main()
