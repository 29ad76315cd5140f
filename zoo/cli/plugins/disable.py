"""`zoo plugins disable`: a plugin that is switched off is not even imported."""

from __future__ import annotations

import click

from zoo import config
from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("disable", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Switch the plugin NAME off in your own registry.toml."""
    plugin = load_registry().plugin(name)
    path = config.disable(plugin.name)
    facts = {"plugin": plugin.name, "disabled": True, "file": str(path)}
    show.document(facts, lambda _: f"{plugin.name} is disabled in {path}")
