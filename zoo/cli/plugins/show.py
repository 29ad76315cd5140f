"""`zoo plugins show`: all that a plugin declares, read as data."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("show", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Tell all that the plugin NAME declares, without importing it."""
    show.document(load_registry().plugin(name).document(), _render)


def _render(facts: dict[str, Any]) -> str:
    head = show.pairs(
        {
            "plugin": facts["name"],
            "from": f"{facts['distribution']} {facts['version']}",
            "state": facts["state"] + (f": {facts['reason']}" if facts["reason"] else ""),
            "namespace": facts["namespace"] or None,
            "manifest": facts["manifest"] or None,
            "hooks": facts["hooks"] or None,
            "commands": ", ".join(facts["commands"]) or None,
        }
    )
    blocks = [head]
    if facts["parts"]:
        rows = [(part["kind"], part["id"], part["summary"]) for part in facts["parts"]]
        blocks.append(show.table(rows, ("kind", "name", "summary")))
    blocks += [f"{each['reason']}\n  remedy: {each['remedy']}" for each in facts["problems"]]
    return "\n\n".join(blocks)
