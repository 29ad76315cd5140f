"""`zoo surgery fold-bn`: batch normalisation folded into its neighbours."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.command import Command
from zoo.cli.surgery import operation


@click.command("fold-bn", cls=Command)
@click.option(
    "--layers", multiple=True, default=("*",), metavar="LAYER", help="By default all of them."
)
@operation.options
def command(layers: tuple[str, ...], **common: Any) -> None:
    """Fold batch normalisation into the layer before it, or a Dense layer after it."""
    operation.perform({"do": "fold-bn", "layers": layers}, **common)
