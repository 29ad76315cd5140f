"""`zoo bench sweep`: every backbone that a pattern names, with resume."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import click

from zoo import output, remote
from zoo.benchmark import document
from zoo.benchmark.case import Backend, Case, Mode
from zoo.benchmark.document import Document
from zoo.cli import show, workers
from zoo.cli.bench import options
from zoo.cli.command import Command, load_registry
from zoo.cli.location import Location
from zoo.errors import BenchError


@click.command("sweep", cls=Command)
@click.argument("patterns", metavar="PATTERN...", nargs=-1, required=True)
@click.option("--head", default="linear", show_default=True, help="The head of every model.")
@options.batch_sizes(1)
@click.option(
    "--mode",
    "modes",
    type=click.Choice(get_args(Mode)),
    multiple=True,
    default=("inference",),
    show_default=True,
)
@click.option(
    "--backend", type=click.Choice(get_args(Backend)), default="tensorflow", show_default=True
)
@options.input_size(None)
@click.option("--resume", type=Location(), help="FILE.json to go on with.")
@workers.who
@options.common
def command(
    patterns: tuple[str, ...],
    head: str,
    batch_sizes: tuple[int, ...],
    modes: tuple[Mode, ...],
    backend: Backend,
    input_size: int | None,
    resume: Path | str | None,
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
    **shared: Any,
) -> None:
    """Measure every backbone whose name fits a pattern, such as 'resnet*'.

    With --resume the file is written after each row, and rows that it holds already are not
    measured again: an interrupted sweep goes on where it was. Several workers on one machine have
    a share of its cores each, and measure on that.
    """
    if shared["workers"] and shared["engine"] == "ray" and not shared["address"]:
        raise BenchError(
            "--engine ray is for measuring on several machines", "add --address, or leave it out"
        )
    workers.check(shared)
    cores = _cores(shared)
    names = _names(patterns)
    registry = load_registry()
    specs = [str(registry.resolve(registry.parse(f"{name}+{head}")).spec) for name in names]
    if resume is not None:
        output.check(resume)
    done = document.read(resume) if resume is not None and remote.exists(resume) else None
    cases = [
        Case(
            target=spec,
            mode=mode,
            batch_size=size,
            backend=backend,
            input_size=input_size,
            device=device,
            seconds=seconds,
            threads=cores,
        )
        for spec in specs
        for mode in modes
        for size in batch_sizes
    ]
    if done is not None:
        kept = len({row.case.key for row in done.rows} & {case.key for case in cases})
        show.note(f"{resume} holds {kept} of {len(cases)} rows already")

    def keep(result: Document) -> None:
        if resume is not None:
            document.write(result, resume)

    if shared["workers"]:
        result = _shared(cases, runs, verbose, done, keep, shared)
    else:
        result = options.measure(cases, runs=runs, verbose=verbose, done=done, keep=keep)
    options.end(result, outs)


def _cores(shared: dict[str, Any]) -> int | None:
    """The cores that each row is measured on; None for all of a machine."""
    from zoo.engine import runtime

    count: int = shared["workers"] or 1
    here: int = runtime.cores()
    if count == 1 or shared["address"]:
        return None
    if count > here:
        raise BenchError(
            f"{count} workers measure on {here} cores; each needs one of its own",
            f"--workers {here} or fewer",
        )
    return here // count


def _shared(
    cases: list[Case],
    runs: int,
    verbose: bool,
    done: Document | None,
    keep: Callable[[Document], None],
    shared: dict[str, Any],
) -> Document:
    from zoo.engine import runtime
    from zoo.engine.sharded.tasks import measure

    cores = cases[0].threads or runtime.cores()
    with workers.crew("measuring", unit="rows", **shared) as crew:
        result: Document = measure.rows(
            cases, crew, cores=cores, runs=runs, done=done, verbose=verbose, keep=keep
        )
    return result


def _names(patterns: tuple[str, ...]) -> list[str]:
    known = [part.id for part in load_registry().parts(kind="backbone")]
    found = []
    for pattern in patterns:
        fitting = [name for name in known if fnmatchcase(name, pattern)]
        if not fitting:
            raise BenchError(
                f"no backbone fits the pattern {pattern!r}", "zoo list --kind backbone names them"
            )
        found += fitting
    return list(dict.fromkeys(found))
