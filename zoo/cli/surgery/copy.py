"""`zoo surgery copy`: a head or stages from another run."""

from __future__ import annotations

from typing import Any

import click

from zoo import stored
from zoo.cli.command import Command
from zoo.cli.surgery import operation


@click.command("copy", cls=Command)
@click.option("--from", "source", required=True, metavar="RUN|FILE.keras", help="Whose weights.")
@click.option(
    "--layers",
    multiple=True,
    default=("head",),
    metavar="LAYER",
    help="Stages, names of layers or patterns; by default the head.",
)
@operation.options
def command(source: str, layers: tuple[str, ...], **common: Any) -> None:
    """Copy a head, stages or layers from another model that has them alike."""
    stored.locate(source)
    operation.perform({"do": "copy", "source": source, "layers": layers}, **common)
