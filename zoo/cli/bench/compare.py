"""`zoo bench compare`: two results beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.benchmark import compare, document, table
from zoo.cli import show
from zoo.cli.command import Command
from zoo.cli.location import LocalPath


@click.command("compare", cls=Command)
@click.argument("before", type=LocalPath())
@click.argument("after", type=LocalPath())
@click.option("--force", is_flag=True, help="Compare results of different machines.")
def command(before: Path, after: Path, force: bool) -> None:
    """Say whether AFTER.json is faster than BEFORE.json, beyond the noise of both."""
    was, now = document.read(before), document.read(after)
    pairs = compare.compare(was, now, force=force)
    rows = {row.case.key: row for row in was.rows}
    shown = [rows[pair.case.key] for pair in pairs]
    packages = [result.machine.get("packages") or {} for result in (was, now)]
    changed = {
        name: [each.get(name) for each in packages]
        for name in sorted({*packages[0], *packages[1]})
        if packages[0].get(name) != packages[1].get(name)
    }
    facts: dict[str, Any] = {
        "schema": document.SCHEMA,
        "before": str(before),
        "after": str(after),
        "packages": changed,
        "pairs": [
            pair.document() | {"name": table.label(row, shown)}
            for pair, row in zip(pairs, shown, strict=True)
        ],
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    rows = [
        (
            pair["name"],
            f"{pair['before']:,.1f}",
            f"{pair['after']:,.1f}",
            f"{pair['ratio']:.3f}",
            f"±{pair['noise']:.1%}",
            pair["verdict"],
        )
        for pair in facts["pairs"]
    ]
    header = ("configuration", "before /s", "after /s", "ratio", "noise", "verdict")
    blocks = [show.table(rows, header, (1, 2, 3, 4))]
    blocks += [
        f"{pair['name']}: {pair['why']}"
        for pair in facts["pairs"]
        if pair["why"] and not pair["why"].startswith("the noise")
    ]
    if facts["packages"]:
        changes = (f"{name} {was} -> {now}" for name, (was, now) in facts["packages"].items())
        blocks.append(f"changed: {', '.join(changes)}")
    return "\n\n".join(blocks)
