"""`zoo plugins enable`: undo `zoo plugins disable`."""

from __future__ import annotations

import click

from zoo import config, registry
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import ConfigError


@click.command("enable", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Switch the plugin NAME on again in your own registry.toml."""
    plugin = load_registry().plugin(name)
    path = config.enable(plugin.name)
    registry.refresh()
    refusal = load_registry().config.refusal(plugin.name, plugin.distribution)
    if refusal is not None:
        raise ConfigError(f"{plugin.name} stays switched off: {refusal}", "change it there")
    facts = {"plugin": plugin.name, "disabled": False, "file": str(path)}
    show.document(facts, lambda _: f"{plugin.name} is enabled in {path}")
