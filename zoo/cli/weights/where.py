"""`zoo weights where`: where the file of weights is, or belongs."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.weights import named


@click.command("where", cls=Command)
@click.argument("name", metavar="NAME@TAG")
def command(name: str) -> None:
    """Tell where the file of NAME@TAG is, or where to put it by hand."""
    part, weights = named.find(load_registry(), name)
    from zoo.engine.weights import cache, source
    from zoo.engine.weights.pin import Pin

    pin = Pin.of(weights)
    found = source.here(part, weights)
    facts = {
        "file": str(found or cache.place(pin)),
        "here": found is not None,
        pin.algorithm: pin.digest,
        "bytes": pin.size or None,
        "source": weights.source,
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    return show.pairs({**facts, "here": "yes" if facts["here"] else "no"})
