"""What every measuring command takes, and how it ends: files, a table, what makes it doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from zoo import output
from zoo.benchmark import document, page, table
from zoo.benchmark.case import Case
from zoo.benchmark.document import Document
from zoo.cli import device as devices
from zoo.cli import show
from zoo.cli.command import environment
from zoo.cli.location import Location
from zoo.errors import BenchError

WRITERS: dict[str, Callable[[Document], str]] = {
    ".csv": table.comma_separated,
    ".md": table.markdown,
    ".html": page.render,
}
"""Forms of a result by suffix, JSON apart."""


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--seconds`, `--runs`, `--out`, `--device` and `--verbose` to a command."""
    seconds = click.option(
        "--seconds",
        type=click.FloatRange(0),
        default=3.0,
        show_default=True,
        help="How long each row is measured, once it is steady.",
    )
    runs = click.option(
        "--runs",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="How often each row is measured, every time in a fresh process.",
    )
    out = click.option(
        "--out",
        "outs",
        type=Location(),
        multiple=True,
        callback=_check,
        help="Write the result: FILE.json, .csv, .md or .html; repeat it for more.",
    )
    return seconds(runs(out(devices.options(command))))


def input_size(default: int | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--input-size` to a command; None leaves it to the model."""
    return click.option(
        "--input-size",
        type=click.IntRange(1),
        default=default,
        show_default=default is not None,
        help="Pixels." if default else "Pixels, for a name.",
    )


def backend(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--backend` to a command, of those that calculate for Keras."""
    return click.option(
        "--backend",
        type=click.Choice(["tensorflow", "jax"]),
        default="tensorflow",
        show_default=True,
        help="What calculates.",
    )(command)


def batch_sizes(*default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--batch-size` to a command."""
    return click.option(
        "--batch-size",
        "batch_sizes",
        type=click.IntRange(1),
        multiple=True,
        default=default,
        show_default=True,
        help="Repeat it for more rows.",
    )


def measure(
    cases: Sequence[Case],
    *,
    runs: int,
    verbose: bool,
    done: Document | None = None,
    keep: Callable[[Document], None] = lambda document: None,
) -> Document:
    """Measure, telling of each row.

    Args:
        cases: The configurations.
        runs: How often each is measured.
        verbose: Let TensorFlow say what it likes.
        done: Rows measured before.
        keep: Called with the document after each row.
    """
    from zoo.engine.bench import run

    measured: Document = run.rows(
        cases,
        runs=runs,
        done=done,
        environment=environment(),
        verbose=verbose,
        progress=show.note,
        keep=keep,
    )
    return measured


def write(result: Document, name: Path | str) -> None:
    """Write a result in the form that the file's suffix asks for."""
    writer = WRITERS.get(Path(name).suffix)
    if writer is None:
        document.write(result, name)
    else:
        document.save(writer(result), name)


def end(result: Document, outs: Sequence[Path | str]) -> None:
    """Print a result, then write it, and fail where nothing could be measured."""
    show.document(result.plain(), lambda _: rendered(result))
    for name in outs:
        write(result, name)
    if result.rows and not any(row.images_per_second for row in result.rows):
        raise NothingMeasured(result.rows[0].error or "nothing was measured")


class NothingMeasured(BenchError):
    """The work ran, and no row has a figure."""

    exit_code = 1


def rendered(result: Document) -> str:
    """A result for a person: what, the table, where, and what makes it doubtful."""
    header, lines = table.cells(result.rows)
    first = result.rows[0]
    alone = len({row.name for row in result.rows}) == 1
    blocks = [_title(result)] if alone else []
    blocks.append(show.table(lines, header, table.right(header)))
    facts = result.machine
    about = first.model if alone else None
    peaks = [
        f"{peak.gemm_gflops:,.0f} GFLOP/s, {peak.copy_gbytes:,.1f} GB/s "
        f"({peak.backend}, {peak.precision})"
        for peak in result.peaks
    ]
    memory = max((row.peak_memory_bytes or 0 for row in result.rows), default=0)
    on_device = max((row.device_memory_bytes or 0 for row in result.rows), default=0)
    guard = [row.agreement.max_difference for row in result.rows if row.agreement]
    blocks.append(
        show.pairs(
            {
                "device": first.device,
                "cpu": f"{facts['cpu']}, {facts['usable_cores']} cores",
                "parameters": f"{about.parameters:,}" if about and about.parameters else None,
                "GMACs": f"{about.gmacs:.3f} a picture" if about and about.gmacs else None,
                "seconds": _phases(result),
                "peak memory": f"{memory / 2**20:,.0f} MiB" if memory else None,
                "on the device": f"{on_device / 2**20:,.0f} MiB" if on_device else None,
                "device's peak": "; ".join(peaks) or None,
                "answers": f"within {max(guard):.1e} of float32, not compiled" if guard else None,
                **{key: f"{value:,.6g}" for key, value in first.figures.items()},
            }
        )
    )
    blocks += table.remarks(result.rows)
    if any(row.step_seconds and row.step_seconds.p99 is None for row in result.rows):
        blocks.append("A percentile that so few steps cannot tell is left out: raise --seconds.")
    return "\n\n".join(blocks)


def _title(result: Document) -> str:
    row = result.rows[0]
    cases = [each.case for each in result.rows]
    words = [row.name]
    if row.case.subject == "model":
        words.append(row.case.mode if len({case.mode for case in cases}) == 1 else "")
    if row.model:
        words.append("x".join(map(str, row.model.input_size)))
        words.append(row.model.dtype if len({case.precision for case in cases}) == 1 else "")
    if all(case.jit_compile for case in cases):
        words.append("XLA")
    return ", ".join(word for word in words if word)


def _phases(result: Document) -> str:
    """Seconds by phase, those of all rows added up."""
    total: dict[str, float] = {}
    for row in result.rows:
        for name, seconds in row.phases.items():
            total[name] = total.get(name, 0.0) + seconds
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in total.items())


def _check(
    context: click.Context, parameter: click.Parameter, outs: tuple[Path | str, ...]
) -> tuple[Path | str, ...]:
    """Refuse a file that cannot be written before anything is measured."""
    for name in outs:
        if Path(name).suffix not in (".json", *WRITERS):
            raise BenchError(
                f"{name} is no name for a result", f"accepted: .json, {', '.join(WRITERS)}"
            )
        output.check(name)
    return outs
