"""`zoo compare`: runs on the same pictures, which is better and how surely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command
from zoo.cli.location import LocalPath
from zoo.errors import DataError


@click.command("compare", cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option(
    "--out",
    type=LocalPath(),
    metavar="FILE.html",
    help="Write a page with the pictures on which they disagree.",
)
def command(runs: tuple[str, ...], out: Path | None) -> None:
    """Compare evaluated runs picture by picture, the first with each of the others."""
    if out is not None and (out.suffix != ".html" or not out.absolute().parent.is_dir()):
        raise DataError(
            f"{out} is no place for a page", "a name ending in .html, in a folder that exists"
        )
    from zoo.engine import run as folders

    for run in runs:
        folders.open(run)
    from zoo.engine import runtime

    runtime.start("cpu")
    from zoo.engine.compare import compare

    facts = compare(runs)
    if out is not None:
        from zoo.engine.report import comparison

        facts["page"] = str(comparison.write(facts, out))
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    rows = [
        (
            row["run"],
            f"{100 * row['accuracy']:.2f} %",
            f"{100 * row['accuracy_interval'][0]:.1f} to {100 * row['accuracy_interval'][1]:.1f} %",
            f"{row['parameters']:,}",
            f"{row['macs'] / 1e6:,.1f} M",
            f"{row['training_seconds']:,.0f} s",
        )
        for row in facts["runs"]
    ]
    header = ("run", "accuracy", "95 %", "parameters", "MACs", "training")
    blocks = [
        f"{facts['pictures']:,} pictures of {facts['data']}",
        show.table(rows, header, (1, 2, 3, 4, 5)),
        "\n".join(_pair(pair) for pair in facts["pairs"]),
    ]
    if facts["disagreements"]:
        listed = [
            (row["path"], row["label"], *row["answers"]) for row in facts["disagreements"][:10]
        ]
        names = (Path(row["run"]).name for row in facts["runs"])
        blocks.append(show.table(listed, ("they disagree on", "label", *names)))
    if "page" in facts:
        blocks.append(f"page  {facts['page']}")
    return "\n\n".join(blocks)


def _pair(pair: dict[str, Any]) -> str:
    low, high = (100 * each for each in pair["difference_interval"])
    verdict = "differs from" if pair["p"] < 0.05 else "cannot be told from"
    return (
        f"{pair['second']} {verdict} {pair['first']}: {100 * pair['difference']:+.2f} points "
        f"(95 %: {low:+.2f} to {high:+.2f}), McNemar p = {pair['p']:.3g}; "
        f"only the first is right on {pair['only_first']}, only the second on {pair['only_second']}"
    )
