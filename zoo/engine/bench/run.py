"""Several configurations, each in a process of its own, become one document."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zoo.benchmark import verdict
from zoo.benchmark.document import SCHEMA, Document, Peak, Row
from zoo.engine import machine
from zoo.engine.bench import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zoo.benchmark.case import Case


def rows(
    cases: Sequence[Case],
    *,
    runs: int = 1,
    done: Document | None = None,
    environment: Mapping[str, str] | None = None,
    verbose: bool = False,
    progress: Callable[[str], None] = lambda sentence: None,
    keep: Callable[[Document], None] = lambda document: None,
) -> Document:
    """Measure configurations one after another.

    Args:
        cases: The configurations.
        runs: How often each is measured, every time in a fresh process.
        done: Rows measured before, which are not measured again.
        environment: What to add to the environment of the processes.
        verbose: Let them write to standard error what they like.
        progress: Called with a sentence before each.
        keep: Called with the document after each, so that a sweep can be resumed.

    Returns:
        The document, rows in the order of the cases.
    """
    before = {row.case.key: row for row in done.rows} if done else {}
    peaks = list(done.peaks) if done else []
    measured: list[Row] = []
    for case in cases:
        row = before.get(case.key)
        if row is None:
            progress(sentence(case))
            row = median([process.measure(case, environment, verbose) for _ in range(runs)])
            if row.gflops_per_second and not any(peak.holds_for(case) for peak in peaks):
                peaks += measured_peak(case, environment)
        measured.append(row)
        keep(document(measured, peaks))
    return document(measured, peaks)


def document(measured: Iterable[Row], peaks: Sequence[Peak] = ()) -> Document:
    """Rows as a document: held to the peaks, judged, with the machine they were measured on."""
    made = Document(
        schema=SCHEMA,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.facts(),
        peaks=list(peaks),
    )
    shared = [_share(row, made) for row in measured]
    return made.model_copy(update={"rows": verdict.judged(shared)})


def median(repeated: Sequence[Row]) -> Row:
    """The middle one of several runs, which knows of the others; of two, the slower."""
    failed = [row for row in repeated if row.images_per_second is None]
    if failed:
        return failed[0]
    speeds = [row.images_per_second or 0.0 for row in repeated]
    middle = repeated[speeds.index(statistics.median_low(speeds))]
    return middle.model_copy(update={"runs": speeds if len(speeds) > 1 else []})


def sentence(case: Case) -> str:
    """What is being measured, for whoever waits."""
    words = [case.target, case.mode if case.subject == "model" else case.subject]
    if case.subject not in ("export", "startup"):
        words.append(f"batch of {case.batch_size}")
    if case.precision != "float32":
        words.append(case.precision)
    if case.backend != "tensorflow":
        words.append(case.backend)
    if case.jit_compile:
        words.append("XLA")
    if case.source != "device":
        words.append(f"pictures from {case.source}")
    return ", ".join(words)


def measured_peak(case: Case, environment: Mapping[str, str] | None) -> list[Peak]:
    """The limits that a configuration is held to, measured; empty where that failed."""
    backend = "tensorflow" if case.backend == "onnxruntime" else case.backend
    found = process.peak(case.model_copy(update={"backend": backend}), environment)
    return [found] if found else []


def _share(row: Row, made: Document) -> Row:
    limits = made.peak(row.case)
    if limits is None or not row.gflops_per_second:
        return row
    return row.model_copy(update={"share_of_peak": row.gflops_per_second / limits.gemm_gflops})
