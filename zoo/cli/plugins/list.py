"""`zoo plugins list`: what is installed, and in which state."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("list", cls=Command)
def command() -> None:
    """List every installed plugin with its state and how many parts it gives."""
    facts = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "namespace": plugin.namespace,
            "state": plugin.state,
            "reason": plugin.reason,
            "parts": len(plugin.parts),
            "hooks": plugin.hooks,
            "manifest": plugin.manifest,
        }
        for plugin in load_registry().plugins
    ]
    show.document(facts, _render)


def _render(facts: list[dict[str, Any]]) -> str:
    rows = [
        (
            row["plugin"],
            f"{row['distribution']} {row['version']}",
            row["namespace"],
            row["parts"],
            row["state"] + (f": {row['reason']}" if row["reason"] else ""),
        )
        for row in facts
    ]
    return show.table(rows, ("plugin", "from", "namespace", "parts", "state"), right=(3,))
