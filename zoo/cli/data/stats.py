"""`zoo data stats`: what a set of pictures is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command
from zoo.cli.location import Location


@click.command("stats", cls=Command)
@click.argument("data", type=Location())
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Of what is held out.")
def command(data: Path | str, seed: int) -> None:
    """Tell of the pictures in DATA: classes, splits, formats, sizes, mean and deviation."""
    from zoo.engine import folder, inspection

    pictures = folder.read(data, seed=seed)
    with show.progress("decoding") as progress:
        found = inspection.stats(pictures, progress)
    show.document(found, _render)


def _render(facts: dict[str, Any]) -> str:
    splits = list(facts["pictures"])
    rows = [
        (name, *(counts[split] for split in splits)) for name, counts in facts["classes"].items()
    ]
    rows.append(("all", *facts["pictures"].values()))
    spread = {name: "{} to {}, median {}".format(*_order(facts[name])) for name in _SPREADS}
    formats = ", ".join(f"{count:,} {name}" for name, count in facts["formats"].items())
    more = {
        "formats": formats,
        **spread,
        "mean": facts["mean"],
        "std": facts["std"],
        "unreadable": facts["unreadable"],
    }
    right = range(1, len(splits) + 1)
    return f"{show.table(rows, ('class', *splits), right)}\n\n{show.pairs(more)}"


_SPREADS = ("width", "height", "bytes")


def _order(spread: list[int]) -> tuple[str, str, str]:
    low, middle, high = spread
    return f"{low:,}", f"{high:,}", f"{middle:,}"
