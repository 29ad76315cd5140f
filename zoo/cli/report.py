"""`zoo report`: the pages of runs, made again."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import device as devices
from zoo.cli import show
from zoo.cli.command import Command


@click.command("report", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@devices.options
def command(runs: tuple[str, ...], device: str | None, verbose: bool) -> None:
    """Write report.html and card.md of runs again, from their files and their pictures."""
    from zoo.engine import run as folders

    opened = [folders.open(run) for run in runs]
    from zoo.engine import runtime

    show.note(f"device: {runtime.start(device, verbose)}")
    from zoo.engine import artefact, report

    written = []
    with show.progress("reporting") as progress:
        for done, run in enumerate(opened, 1):
            written += [str(path) for path in report.write(run, artefact.load(run.path))]
            progress(done, len(opened))
    show.document({"written": written}, _render)


def _render(facts: dict[str, Any]) -> str:
    return "\n".join(facts["written"])
