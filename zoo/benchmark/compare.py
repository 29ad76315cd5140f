"""Two results beside each other: faster, slower, or a difference that noise explains as well."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from zoo.benchmark.case import Case
from zoo.benchmark.document import Document, Row
from zoo.benchmark.verdict import noise
from zoo.errors import BenchError

MACHINE = ("cpu", "cores", "usable_cores", "memory_bytes")
"""Facts that make two machines two, beside the names of their GPUs."""


@dataclass(frozen=True)
class Pair:
    """One configuration in two results.

    Args:
        case: The configuration.
        before: Images per second in the first.
        after: Images per second in the second.
        ratio: The second over the first.
        noise: By what share the ratio may be off.
        verdict: `faster`, `slower` or `cannot tell`.
        why: What stands against a verdict, or empty.
    """

    case: Case
    before: float
    after: float
    ratio: float
    noise: float
    verdict: str
    why: str

    def document(self) -> dict[str, Any]:
        """The pair as plain data, for JSON."""
        return asdict(self) | {"case": self.case.model_dump()}


def compare(before: Document, after: Document, *, force: bool = False) -> list[Pair]:
    """Compare the configurations that two results have in common.

    A verdict is given only beyond the noise of both: the interval of each median, its drift, and
    how far repeated runs lie apart, or 3 % for a result of a single run.

    Args:
        before: The first result.
        after: The second.
        force: Compare results of two machines.

    Returns:
        One pair a configuration, in the order of the first.

    Raises:
        BenchError: The machines differ, or nothing was measured in both.
    """
    was, now = _machine(before), _machine(after)
    different = [f"{key} {was[key]} and {now[key]}" for key in was if was[key] != now[key]]
    if different and not force:
        raise BenchError(
            f"the results are of different machines: {'; '.join(different)}",
            "measure both on one machine, or compare all the same with --force",
        )
    later = {row.case.key: row for row in after.rows if row.images_per_second}
    pairs = [
        _pair(row, later[row.case.key])
        for row in before.rows
        if row.images_per_second and row.case.key in later
    ]
    if not pairs:
        raise BenchError(
            "the results have no configuration in common",
            "measure the same targets, modes, batch sizes and settings in both",
        )
    return pairs


def _machine(document: Document) -> dict[str, Any]:
    facts = document.machine
    gpus = [gpu["name"] for gpu in facts.get("gpu_state") or ()]
    return {key: facts.get(key) for key in MACHINE} | {"GPU": ", ".join(gpus) or "none"}


def _pair(before: Row, after: Row) -> Pair:
    was, now = before.images_per_second or 0.0, after.images_per_second or 0.0
    ratio = now / was
    # A ratio is off by both; the product bounds it from above.
    band = (1 + noise(before)) * (1 + noise(after)) - 1
    flagged = [flag for row in (before, after) for flag in row.flags]
    wrong = [flag for flag in flagged if flag.startswith(("disqualified", "not synchronised"))]
    if wrong:
        verdict, why = "cannot tell", wrong[0]
    elif max(ratio, 1 / ratio) <= 1 + band:
        verdict, why = "cannot tell", f"the noise of both is ±{band:.1%}"
    else:
        verdict, why = ("faster" if ratio > 1 else "slower"), ""
    return Pair(before.case, was, now, ratio, band, verdict, why)
