"""`zoo surgery insert-bn`: batch normalisation that changes nothing yet."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.command import Command
from zoo.cli.surgery import operation


@click.command("insert-bn", cls=Command)
@click.option(
    "--after",
    multiple=True,
    required=True,
    metavar="LAYER",
    help="A layer, a pattern, or all of a kind: dense, conv. Several times for more.",
)
@click.option("--skip", multiple=True, metavar="LAYER", help="Leave out layers of those.")
@click.option(
    "--place",
    type=click.Choice(["output", "activation"]),
    default="output",
    show_default=True,
    help="After the layer's activation, or before it.",
)
@click.option("--epsilon", type=float, default=1e-3, show_default=True)
@click.option("--momentum", type=float, default=0.99, show_default=True)
@click.option(
    "--floor", type=float, default=0.0, show_default=True, help="Least variance of a unit."
)
@operation.options
def command(
    after: tuple[str, ...],
    skip: tuple[str, ...],
    place: str,
    epsilon: float,
    momentum: float,
    floor: float,
    **common: Any,
) -> None:
    """Insert batch normalisation, calibrated so that the model answers as before.

    One pass over the pictures measures mean and variance of every unit at once.
    """
    statistics = {"epsilon": epsilon, "momentum": momentum, "floor": floor}
    where = {"after": after, "skip": skip, "place": place}
    operation.perform({"do": "insert-bn", **where, **statistics}, **common)
