"""`zoo surgery dropout`: another dropout rate on the same weights."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.command import Command
from zoo.cli.surgery import operation


@click.command("dropout", cls=Command)
@click.option("--rate", type=float, required=True, help="Share dropped in training; 0 removes it.")
@click.option(
    "--layers", multiple=True, default=("*",), metavar="LAYER", help="By default all of them."
)
@click.option(
    "--legacy-non-inverted",
    is_flag=True,
    help="Rescale the kernels that follow, as courses of 2016 did. Wrong for any Keras model.",
)
@operation.options
def command(rate: float, layers: tuple[str, ...], legacy_non_inverted: bool, **common: Any) -> None:
    """Set or remove dropout. Weights stay as they are: Keras rescales while it trains."""
    step = {"do": "dropout", "rate": rate, "layers": layers}
    operation.perform({**step, "legacy_non_inverted": legacy_non_inverted}, **common)
