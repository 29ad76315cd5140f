"""`zoo surgery convolve`: another input size for a head that flattens."""

from __future__ import annotations

from typing import Any

import click

from zoo import input_size as size
from zoo.cli.command import Command
from zoo.cli.surgery import operation


@click.command("convolve", cls=Command)
@click.option("--input-size", metavar="S|HxW", required=True, help="Pixels of the new input.")
@operation.options
def command(input_size: str, **common: Any) -> None:
    """Turn Dense layers on a flattened map into convolutions, so that other sizes fit.

    The answer is the mean over the places of the larger map; at the old size nothing changes.
    """
    asked = size.parse(input_size)
    pixels = (asked, asked) if isinstance(asked, int) else asked
    operation.perform({"do": "convolve", "input_size": pixels}, **common)
