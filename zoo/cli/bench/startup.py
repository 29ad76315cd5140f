"""`zoo bench startup`: how long quick commands take to answer."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.benchmark.case import Case
from zoo.cli.bench import options
from zoo.cli.command import Command

QUICK = ("--help", "list --json", "info vgg16bn", "doctor --json")


@click.command("startup", cls=Command)
@click.argument("commands", metavar="[COMMAND]...", nargs=-1)
@options.common
def command(
    commands: tuple[str, ...],
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
) -> None:
    """Measure fresh processes of quick commands, such as 'list --json', from start to end."""
    cases = [
        Case(target=words, subject="startup", device=device, seconds=seconds)
        for words in commands or QUICK
    ]
    options.end(options.measure(cases, runs=runs, verbose=verbose), outs)
