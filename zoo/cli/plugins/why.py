"""`zoo plugins why`: the chain of facts behind a name."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import PluginError, UnknownPart


@click.command("why", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Tell why NAME, a part or a plugin, is there, or is not."""
    registry = load_registry()
    alias = registry.alias(name)
    facts: dict[str, Any] = {"name": name, "alias": alias}
    try:
        parts = registry.named(name)
        facts["parts"] = [part.document() for part in parts]
        plugins = [registry.plugin(part.plugin) for part in parts]
    except UnknownPart:
        plugins = [registry.plugin(name)]
    except PluginError as error:
        facts["fault"] = str(error)
        plugins = []
    facts["plugins"] = [
        plugin.document() | {"refusal": registry.config.refusal(plugin.name, plugin.distribution)}
        for plugin in plugins
    ]
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    lines = []
    if facts["alias"]:
        lines.append(f"{facts['name']} is an alias of {facts['alias']}")
    lines += [
        f"{part['kind']} {part['id']} is {part['target']}, {part['file']}:{part['line']}"
        for part in facts.get("parts", ())
    ]
    for plugin in facts["plugins"]:
        lines.append(f"plugin {plugin['name']} is {plugin['state']}")
        if plugin["reason"]:
            lines.append(f"  because {plugin['reason']}")
        if plugin["manifest"]:
            lines.append(f"  its manifest is {plugin['manifest']}")
        lines.append(
            f"  an entry point of {plugin['distribution']} {plugin['version']} names it: "
            f"{plugin['name']} = {plugin['package']}"
        )
        lines.append(f"  trust: {plugin['refusal'] or 'nothing forbids it'}")
        lines += [f"  problem: {each['reason']}" for each in plugin["problems"]]
    if "fault" in facts:
        lines.append(facts["fault"])
    return "\n".join(lines)
