"""`zoo config`: the merged configuration and the origin of every value."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("config", cls=Command)
def command() -> None:
    """Show the configuration and where each value comes from."""
    config = load_registry().config
    facts = {
        "layers": [layer.origin for layer in config.layers],
        "settings": [
            {"setting": name, "value": value, "origin": origin}
            for name, value, origin in config.settings()
        ],
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    rows = [(row["setting"], row["value"], row["origin"]) for row in facts["settings"]]
    layers = "layers, weakest first: " + ", ".join(facts["layers"])
    return layers + "\n\n" + show.table(rows, ("setting", "value", "from"))
