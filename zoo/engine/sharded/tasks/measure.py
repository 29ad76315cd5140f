"""Measuring configurations, each on a machine of its own or on a share of its cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.benchmark.case import Case
from zoo.benchmark.document import Document, Peak, Row
from zoo.engine.sharded.cut import Cut
from zoo.engine.sharded.job import Job
from zoo.engine.sharded.run import merged
from zoo.engine.sharded.work import Work
from zoo.engine.sharded.worker import Tell

if TYPE_CHECKING:
    from zoo.engine.sharded.run import Crew


def rows(
    cases: Sequence[Case],
    crew: Crew,
    *,
    cores: int,
    runs: int,
    done: Document | None,
    verbose: bool,
    keep: Callable[[Document], None],
) -> Document:
    """Measure configurations as `bench.run.rows` does, several at once.

    Args:
        cases: The configurations.
        crew: Who does it.
        cores: Those of its own that each worker has.
        runs: How often each is measured.
        done: Rows measured before, which are not measured again.
        verbose: Let processes write to standard error what they like.
        keep: Called with the document after each row.

    Returns:
        The document, rows in the order of the cases.
    """
    from zoo.engine import machine
    from zoo.engine.bench import run

    measured = {row.case.key: row for row in done.rows} if done else {}
    peaks = list(done.peaks) if done else []
    left = [case for case in cases if case.key not in measured]
    here = machine.facts()["cpu"]

    def made() -> Document:
        there = [measured[case.key] for case in cases if case.key in measured]
        return run.document(there, peaks)

    def each(shard: int, lines: list[Any]) -> None:
        for line in lines:
            row = Row.model_validate(line["row"])
            if line["cpu"] != here:
                crew.note(f"{row.case.target} was measured on another machine: {line['cpu']}")
                row = row.model_copy(update={"settings": {**row.settings, "cpu": line["cpu"]}})
            elif row.gflops_per_second and not any(peak.holds_for(row.case) for peak in peaks):
                peaks.extend(Peak.model_validate(peak) for peak in line["peaks"])
            measured[row.case.key] = row
        keep(made())

    plain = [case.model_dump(mode="json") for case in left]
    work = Work(
        Job("bench sweep", {"cases": plain, "runs": runs}),
        Cut(len(left), 1),
        lambda places: [[run.sentence(left[at]), plain[at]] for at in places],
        f"{__name__}:Measure",
        {"runs": runs, "verbose": verbose},
        cores=cores,
        device=cases[0].device,
    )
    # The document is what is kept, row by row; parts would keep it a second time.
    with merged(work, replace(crew, resume=False), None, each) as lines:
        for _ in lines:
            pass
    return made()


class Measure:
    """Measures configurations, each in a process of its own.

    Args:
        runs: How often each.
        verbose: Let processes write to standard error what they like.
    """

    def __init__(self, runs: int, verbose: bool) -> None:
        self._runs = runs
        self._verbose = verbose
        self._peaks: dict[tuple[str, str, int | None], list[dict[str, Any]]] = {}

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Give the row of each case, the peaks that it is held to, and the machine."""
        from zoo.engine import machine
        from zoo.engine.bench import process, run

        for _, plain in rows:
            case = Case.model_validate(plain)
            measured = [process.measure(case, None, self._verbose) for _ in range(self._runs)]
            row = run.median(measured)
            yield {
                "row": row.model_dump(mode="json"),
                "peaks": self._limits(case) if row.gflops_per_second else [],
                "cpu": machine.facts()["cpu"],
            }

    def _limits(self, case: Case) -> list[dict[str, Any]]:
        from zoo.engine.bench import run

        key = (case.backend, case.precision, case.threads)
        if key not in self._peaks:
            found = run.measured_peak(case, None)
            self._peaks[key] = [peak.model_dump(mode="json") for peak in found]
        return self._peaks[key]
