"""`zoo weights gc`: delete from the cache what nobody names."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("gc", cls=Command)
@click.option("--all", "everything", is_flag=True, help="Delete all of the cache.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
def command(everything: bool, dry_run: bool) -> None:
    """Delete weights that no installed plugin names, and what broken transfers left."""
    parts = load_registry().parts(kind="backbone")
    from zoo.engine.weights import cache
    from zoo.engine.weights.pin import Pin

    named = {Pin.of(weights).name for part in parts for weights in part.weights.values()}
    unwanted = [
        file for file in cache.kept() if everything or not file.whole or file.path.name not in named
    ]
    if not dry_run:
        cache.remove(unwanted)
    facts = {
        "deleted": not dry_run,
        "files": [str(file.path) for file in unwanted],
        "bytes": sum(file.size for file in unwanted),
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    done = "deleted" if facts["deleted"] else "would delete"
    return "\n".join(
        [f"{done} {len(facts['files'])} files, {facts['bytes']:,} bytes", *facts["files"]]
    )
