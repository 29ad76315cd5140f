"""`zoo plugins lock`: the set of plugins, written down."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath


@click.command("lock", cls=Command)
@click.argument("file", type=LocalPath(), default="zoo.lock")
def command(file: Path) -> None:
    """Write every plugin that takes part, with its version and manifest, into FILE, zoo.lock."""
    from zoo import lock as locks

    registry = load_registry()
    lock = locks.of(registry)
    locks.write(lock, file)
    names = {pin.name for pin in lock.plugins}
    for plugin in registry.plugins:
        if plugin.name not in names:
            why = plugin.reason or "no version of it can be asked for"
            show.note(f"left out: {plugin.name} ({plugin.origin}), {plugin.state}: {why}")
    show.document({"file": str(file), **asdict(lock)}, _render)


def _render(facts: dict[str, Any]) -> str:
    distributions = {f"{pin['distribution']} {pin['version']}" for pin in facts["plugins"]}
    return f"{facts['file']}: {len(facts['plugins'])} plugins of {', '.join(sorted(distributions))}"
