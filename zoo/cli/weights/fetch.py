"""`zoo weights fetch`: download weights, or put them into a bundle."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.weights import named


@click.command("fetch", cls=Command)
@click.argument("names", nargs=-1, required=True, metavar="NAME@TAG...")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Copy them into this folder, for a machine without a network.",
)
def command(names: tuple[str, ...], bundle: Path | None) -> None:
    """Bring weights to this machine, verified. What is here already is not downloaded again."""
    registry = load_registry()
    wanted = [(name, *named.find(registry, name)) for name in names]
    from zoo.engine.weights import cache, source
    from zoo.engine.weights.pin import Pin

    files = []
    for name, part, weights in wanted:
        path = source.fetch(part, weights)
        if bundle is not None:
            path = cache.bundle(path, Pin.of(weights), bundle)
        files.append({"name": name, "file": str(path), "bytes": path.stat().st_size})
    show.document({"bundle": bundle and str(bundle.absolute()), "files": files}, _render)


def _render(facts: dict[str, Any]) -> str:
    rows = [(row["name"], f"{row['bytes']:,}", row["file"]) for row in facts["files"]]
    text = show.table(rows, ("weights", "bytes", "file"), right=(1,))
    if facts["bundle"]:
        place = shlex.quote(facts["bundle"])
        text += f"\n\non the other machine: export ZOO_MIRROR={place} ZOO_OFFLINE=1"
    return text
