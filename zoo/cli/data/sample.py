"""`zoo data sample`: a smaller set drawn from a larger one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command
from zoo.cli.location import LocalPath, Location
from zoo.errors import DataError


@click.command("sample", cls=Command)
@click.argument("data", type=Location())
@click.argument("out", metavar="DIR", type=LocalPath())
@click.option("--train", type=click.IntRange(0), default=0, help="Training pictures of each class.")
@click.option("--val", type=click.IntRange(0), default=0, help="Validation pictures of each class.")
@click.option("--test", type=click.IntRange(0), default=0, help="Test pictures of each class.")
@click.option("--link", is_flag=True, help="Link to the files instead of copying them.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Chooses the pictures; a larger sample of one seed holds the smaller.",
)
def command(
    data: Path | str, out: Path, train: int, val: int, test: int, link: bool, seed: int
) -> None:
    """Draw so many pictures of each class from DATA into the new folder DIR."""
    counts = {name: n for name, n in (("train", train), ("val", val), ("test", test)) if n}
    if not counts:
        raise DataError("zoo data sample draws nothing", "give --train N, --val N or --test N")
    from zoo.engine import folder, subset

    pictures = folder.read(data, seed=seed)
    show.document(subset.draw(pictures, out, counts, seed=seed, link=link), _render)


def _render(facts: dict[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in facts["pictures"].items())
    lines = [f"{facts['out']}: {len(facts['classes'])} classes, {counts}"]
    if facts["short"]:
        lines.append(f"fewer than asked for: {', '.join(facts['short'])}")
    return "\n".join(lines)
