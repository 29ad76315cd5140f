"""`zoo weights verify`: every file of the cache read again."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command
from zoo.errors import HealthFailure


@click.command("verify", cls=Command)
def command() -> None:
    """Read every file of the cache again, and delete those that are not what their name says."""
    from zoo.engine.weights import cache

    files = [file for file in cache.kept() if file.whole]
    wrong = [file for file in files if not cache.is_right(file.path, file.pin, full=True)]
    cache.remove(wrong)
    facts = {"verified": len(files) - len(wrong), "wrong": [str(file.path) for file in wrong]}
    show.document(facts, _render)
    if wrong:
        raise HealthFailure(
            f"{len(wrong)} of {len(files)} files were altered and are deleted",
            "they are fetched again when they are needed",
        )


def _render(facts: dict[str, Any]) -> str:
    return "\n".join([f"{facts['verified']} files verified", *facts["wrong"]])
