"""`zoo features list`: the stored features."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command


@click.command("list", cls=Command)
def command() -> None:
    """List the stored features, the longest unused first."""
    from zoo.engine import shelf

    show.document({"features": list(shelf.stored())}, render)


def render(facts: dict[str, Any]) -> str:
    """A row for each set of features."""
    rows = [
        (
            Path(row["folder"]).name[:12],
            row["cut"],
            "x".join(map(str, row["shape"])),
            f"{row['samples']:,}" + ("" if row["complete"] else ", in part"),
            f"{row['bytes'] / 2**20:,.1f}",
            f"{datetime.fromtimestamp(row['used']):%Y-%m-%d %H:%M}",
        )
        for row in facts["features"]
    ]
    if not rows:
        return "no features are stored"
    return show.table(rows, ("name", "cut", "shape", "pictures", "MiB", "last used"), (3, 4))
