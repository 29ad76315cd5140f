"""What makes a figure doubtful: noise and drift of one row, implausible relations between rows.

The bounds are set by hand: what a quiet machine stays below, and a loaded one does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from zoo.benchmark.document import Row

DRIFT = 0.05
LOST = 0.05
FOREIGN_LOAD = 0.10
RUN_SPREAD = 0.03
FIRST_STEP = 3.0
TAIL = 1.3
DIFFERENCE = {"float32": 1e-3, "tf32": 1e-2, "mixed_bfloat16": 5e-2, "mixed_float16": 2e-2}
"""Largest difference of a probability that a precision may make."""
RELATIVE = {"float32": 0.02, "tf32": 0.1, "mixed_bfloat16": 0.2, "mixed_float16": 0.1}
"""As a share of what the answers say; those of another model differ by all of it, and more."""
TRAINING_SHARE = 0.45
"""Training does the work of three forward passes; they share what a step costs beside the work."""
DECODES_PER_CORE = 2500
"""No core decodes this many 500x375 JPEGs a second."""


def noise(row: Row) -> float:
    """By what share a row's headline may be off: interval, drift and spread of runs, the largest.

    A single run says nothing of how runs differ, so it is held to the bound of a quiet machine.
    """
    spread = row.window_seconds or row.step_seconds
    if spread is None:
        return 1.0
    interval = 1.0
    if spread.low is not None and spread.high is not None:
        interval = (spread.high - spread.low) / 2 / spread.p50
    runs = run_spread(row.runs) if len(row.runs) > 1 else RUN_SPREAD
    return max(interval, abs(row.drift or 0.0), runs)


def run_spread(runs: Sequence[float]) -> float:
    """Half the range of runs as a share of their median."""
    return (max(runs) - min(runs)) / 2 / median(runs) if runs else 0.0


def judged(rows: Sequence[Row]) -> list[Row]:
    """The rows with all their flags."""
    flags = {id(row): list(_alone(row)) for row in rows}
    measured = [row for row in rows if row.images_per_second]
    for row, flag in _together(measured):
        flags[id(row)].append(flag)
    return [row.model_copy(update={"flags": flags[id(row)]}) for row in rows]


def _alone(row: Row) -> Iterator[str]:
    """Flags that a row earns by itself."""
    spread = row.step_seconds
    if spread is None:
        return
    if row.agreement and row.agreement.relative_difference > RELATIVE[row.case.precision]:
        yield (
            f"disqualified: answers differ by {row.agreement.relative_difference:.0%} of what they "
            f"say from {row.agreement.reference}"
        )
    elif row.agreement and row.agreement.max_difference > DIFFERENCE[row.case.precision]:
        yield (
            f"disqualified: answers differ by up to {row.agreement.max_difference:.2g} from "
            f"{row.agreement.reference}"
        )
    if (row.lost or 0.0) > LOST:
        yield f"not synchronised: the steps account for {1 - (row.lost or 0):.0%} of the wall time"
    if row.steady is False:
        yield "never became steady: something else runs here, or the time to warm up is too short"
    if abs(row.drift or 0.0) > DRIFT:
        yield f"drifted by {row.drift:+.0%} from the first tenth of the steps to the last"
    if (row.foreign_load or 0.0) > FOREIGN_LOAD:
        yield f"other processes took {row.foreign_load:.0%} of the machine meanwhile"
    if (row.first_step or 0.0) > FIRST_STEP:
        yield f"warm-up leaked: the first timed step took {row.first_step:.1f} medians"
    if len(row.runs) > 1 and run_spread(row.runs) > RUN_SPREAD:
        yield f"runs differ by ±{run_spread(row.runs):.1%}, more than ±{RUN_SPREAD:.0%}"
    tail = spread.p99 or spread.p95
    if tail and row.case.source == "device" and tail > TAIL * spread.p50:
        percent = 99 if spread.p99 else 95
        yield f"p{percent} is {tail / spread.p50:.1f} medians: other load, or tracing anew"
    if (row.share_of_peak or 0.0) > 1:
        yield f"above the peak of the device as measured: {row.share_of_peak:.0%}"
    threads = row.case.threads or row.settings.get("cores")
    bound = DECODES_PER_CORE * (threads or 0)
    if row.case.source == "folder" and bound and (row.images_per_second or 0) > bound:
        yield f"more pictures than {threads} cores can decode: are they decoded at all?"


def _together(rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    """Flags that rows earn beside each other."""
    for group in _groups(rows, "batch_size"):
        ordered = sorted(group, key=lambda row: row.case.batch_size)
        for small, large in pairwise(ordered):
            if _below(large, small):
                yield (
                    large,
                    f"fewer {large.case.unit} a second than batch {small.case.batch_size}: "
                    f"{_rate(large):,.1f} and {_rate(small):,.1f}",
                )
    for group in _groups(rows, "mode"):
        modes = {row.case.mode: row for row in group}
        if len(modes) == 2:
            share = _rate(modes["train"]) / _rate(modes["inference"])
            if share > TRAINING_SHARE:
                yield modes["train"], f"training at {share:.0%} of inference; a third is expected"
    for group in _groups(rows, "precision"):
        for row in group:
            full = [r for r in group if r.case.precision in ("float32", "tf32")]
            if row.case.precision.startswith("mixed") and full and _below(row, full[0]):
                yield row, f"slower than {full[0].case.precision}"
    for group in _groups(rows, "target"):
        for row in group:
            for twin in group:
                if _is_twin(row, twin) and _below(twin, row):
                    yield row, f"faster than {twin.name}, its twin without batch normalisation"


def _groups(rows: Sequence[Row], apart_from: str) -> list[list[Row]]:
    """Rows whose configurations differ in one thing only."""
    groups: dict[object, list[Row]] = {}
    for row in rows:
        key = tuple(pair for pair in row.case.key if pair[0] != apart_from)
        groups.setdefault(key, []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def _is_twin(row: Row, plain: Row) -> bool:
    """Whether the names differ by a `bn` at the backbone's end only."""
    if not (row.model and plain.model and row.model.batch_norms):
        return False
    body, _, head = row.name.partition("+")
    return body.endswith("bn") and plain.name == f"{body[:-2].rstrip('-')}+{head}"


def _below(row: Row, other: Row) -> bool:
    return _rate(row) < _rate(other) * (1 - min(noise(row) + noise(other), 0.99))


def _rate(row: Row) -> float:
    return row.images_per_second or 0.0
