"""`zoo plugins restore`: the set of plugins that was written down, installed again."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from zoo import pip, registry
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import HealthFailure

BY_PIP = ("missing", "version")
"""Differences that pip mends."""

NOTES = ("extra", "python")
"""Differences that are worth knowing and no failure."""


@click.command("restore", cls=Command)
@click.argument("file", metavar="FILE|RUN", type=LocalPath())
@click.option("--dry-run", is_flag=True, help="Say what differs and what pip would be asked for.")
def command(file: Path, dry_run: bool) -> None:
    """Compare what is installed with FILE, a zoo.lock or a run that has one, and install it."""
    from zoo import lock as locks

    lock = locks.read(file)
    before = after = locks.differences(lock, load_registry())
    wanted = [f"{each.what}=={each.locked}" for each in before if each.kind in BY_PIP]
    if wanted and not dry_run:
        pip.install(wanted)
        registry.refresh()
        after = locks.differences(lock, load_registry())
    facts = {
        "lock": str(file),
        "differences": [asdict(each) for each in before],
        "command": shlex.join(["pip", "install", *wanted]) if wanted else None,
        "installed": not dry_run,
        "remaining": [asdict(each) for each in after],
    }
    show.document(facts, _render)
    left = [each for each in after if each.kind not in NOTES]
    if left and not dry_run:
        count = f"{len(left)} difference{'s' if len(left) > 1 else ''}"
        raise HealthFailure(
            f"{count} from {file} that pip did not mend: {', '.join(each.what for each in left)}",
            "pip uninstall and install them anew, or lock what is here: zoo plugins lock",
        )


def _render(facts: dict[str, Any]) -> str:
    if not facts["differences"]:
        return f"nothing differs from {facts['lock']}"
    rows = [
        (row["what"], row["kind"], row["locked"][:20] or "-", row["found"][:60] or "-")
        for row in facts["differences"]
    ]
    blocks = [show.table(rows, ("what", "difference", "locked", "here"))]
    if facts["command"]:
        did = "installed with" if facts["installed"] else "to install"
        blocks.append(f"{did}: {facts['command']}")
    return "\n\n".join(blocks)
