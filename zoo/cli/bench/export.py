"""`zoo bench export`: what an export to ONNX takes."""

from __future__ import annotations

from pathlib import Path

import click

from zoo import exported
from zoo.benchmark import target as target_kind
from zoo.benchmark.case import Case
from zoo.cli.bench import options
from zoo.cli.command import Command, load_registry
from zoo.errors import BenchError


@click.command("export", cls=Command)
@click.argument("targets", metavar="SPEC|RUN|FILE.keras...", nargs=-1, required=True)
@click.option("--classes", type=click.IntRange(1), default=1000, show_default=True)
@options.input_size(None)
@options.common
def command(
    targets: tuple[str, ...],
    classes: int,
    input_size: int | None,
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
) -> None:
    """Measure an export: seconds, peak memory, size of the file, parity."""
    registry = load_registry()
    for target in targets:
        if exported.is_one(target):
            raise BenchError(f"{target} is exported already")
    cases = [
        Case(
            target=target_kind.check(target, registry),
            subject="export",
            classes=classes,
            input_size=input_size,
            device=device,
            seconds=seconds,
        )
        for target in targets
    ]
    options.end(options.measure(cases, runs=runs, verbose=verbose), outs)
