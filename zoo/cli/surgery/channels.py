"""`zoo surgery channels`: another number of input channels."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.command import Command
from zoo.cli.surgery import operation


@click.command("channels", cls=Command)
@click.option("--channels", type=int, required=True, help="1 for grey pictures, or more than 3.")
@operation.options
def command(channels: int, **common: Any) -> None:
    """Change the number of input channels.

    The result is for Keras: zoo itself reads pictures of three channels.
    """
    operation.perform({"do": "channels", "channels": channels}, **common)
