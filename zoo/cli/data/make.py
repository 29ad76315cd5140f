"""`zoo data make`: a set of labelled pictures that needs no download."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command
from zoo.cli.location import LocalPath
from zoo.errors import DataError

SETS = ("digits", "shapes")


@click.command("make", cls=Command)
@click.argument("name", metavar="digits|shapes")
@click.argument("out", metavar="DIR", type=LocalPath())
@click.option("--count", type=int, help="Pictures of shapes in all.  [default: 1000]")
@click.option("--size", type=int, help="Pixels of a shape's picture.  [default: 128]")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="The same seed makes the same files.",
)
def command(name: str, out: Path, count: int | None, size: int | None, seed: int) -> None:
    """Make the set NAME in the new folder DIR, split into train/, val/ and test/.

    digits: scikit-learn's 1,797 handwritten digits. shapes: pictures of one of ten shapes each on
    a textured ground, with the shapes' masks in masks/.
    """
    if name not in SETS:
        near = difflib.get_close_matches(name, SETS, n=1)
        meant = f"did you mean {near[0]}?" if near else None
        raise DataError(f"no set called {name!r}; sets are {' and '.join(SETS)}", hint=meant)
    asked = {key: value for key, value in (("count", count), ("size", size)) if value is not None}
    if name == "digits" and asked:
        raise DataError(f"digits takes no --{next(iter(asked))}", hint="only shapes does")
    from zoo.engine import generate

    if name == "digits":
        made = generate.digits(out, seed=seed)
    else:
        made = generate.shapes(out, seed=seed, **asked)
    show.document(made, _render)


def _render(made: dict[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in made["pictures"].items())
    return (
        f"{made['path']}: {made['set']}, {len(made['classes'])} classes, {counts}\n"
        f"next: zoo train small-cnn+linear {made['path']} --recipe scratch --out runs/{made['set']}"
    )
