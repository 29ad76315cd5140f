"""`zoo weights list`: which pretrained weights there are, and which are here."""

from __future__ import annotations

from typing import Any

import click

from zoo import license
from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("list", cls=Command)
@click.argument("pattern", default="*")
def command(pattern: str) -> None:
    """List the weights of every backbone whose name matches PATTERN."""
    parts = load_registry().parts(pattern, "backbone")
    from zoo.engine.weights import source

    rows = []
    for part in parts:
        for tag, weights in part.weights.items():
            file = source.here(part, weights)
            rows.append(
                {
                    "name": f"{part.id}@{tag}",
                    "bytes": weights.size or (file.stat().st_size if file else None),
                    "license": weights.license or None,
                    "source": weights.source,
                    "file": file and str(file),
                }
            )
    show.document(rows, _render)


def _render(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no pretrained weights"
    cells = [
        (
            row["name"],
            f"{row['bytes']:,}" if row["bytes"] else "?",
            row["license"] if license.stated(row["license"] or "") else "not stated",
            "yes" if row["file"] else "no",
            row["source"],
        )
        for row in rows
    ]
    return show.table(cells, ("weights", "bytes", "licence", "here", "source"), right=(1,))
