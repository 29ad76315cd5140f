"""`zoo features gc`: deletes the features that were longest of no use."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command


@click.command("gc", cls=Command)
@click.option(
    "--keep",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="GIB",
    help="How many GiB may stay.",
)
def command(keep: float) -> None:
    """Delete stored features, the longest unused first, until no more than --keep is left."""
    from zoo.engine import shelf

    show.document({"deleted": shelf.collect(int(keep * 2**30))}, _render)


def _render(facts: dict[str, Any]) -> str:
    total = sum(row["bytes"] for row in facts["deleted"])
    return f"deleted {len(facts['deleted'])} sets of features, {total / 2**20:,.1f} MiB"
