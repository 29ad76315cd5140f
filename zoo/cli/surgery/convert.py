"""`zoo surgery convert`: another architecture that computes the same."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.command import Command, load_registry
from zoo.cli.surgery import operation


@click.command("convert", cls=Command)
@click.option("--to", required=True, metavar="SPEC", help="Such as vgg16bn+dense.")
@operation.options
def command(to: str, **common: Any) -> None:
    """Move the weights into an architecture with further batch normalisation, calibrated.

    So vgg16@imagenet becomes vgg16bn: zoo surgery convert RUN --to vgg16bn+dense --out NEW.
    """
    registry = load_registry()
    registry.resolve(registry.parse(to))
    operation.perform({"do": "convert", "to": to}, **common)
