"""`zoo surgery head`: another head, or other classes."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.command import Command, load_registry
from zoo.cli.surgery import operation


@click.command("head", cls=Command)
@click.option(
    "--class",
    "names",
    multiple=True,
    metavar="NAME",
    help="A class of the new model; several times, in the order of the outputs.",
)
@click.option("--head", metavar="HEAD", help="Another head, such as dense:units=512.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of new weights."
)
@operation.options
def command(names: tuple[str, ...], head: str | None, seed: int, **common: Any) -> None:
    """Replace the head, or change the classes; classes that stay keep their weights."""
    if head is not None:
        registry = load_registry()
        registry.resolve_part(registry.parse_part("head", head))
    operation.perform(
        {"do": "head", "classes": names or None, "head": head, "seed": seed}, **common
    )
