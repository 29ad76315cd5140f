"""The option of every command that draws a sheet: where to write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from zoo.cli.location import LocalPath
from zoo.errors import DataError


def option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--out` to a command; a sheet that is there is replaced."""
    return click.option(
        "--out",
        type=LocalPath(),
        default=Path(default),
        show_default=True,
        help="The sheet: FILE.png.",
    )


def check(out: Path, pictures: Sequence[Path]) -> None:
    """See that a sheet can be written and replaces none of the pictures on it.

    Raises:
        DataError: It cannot, or it would.
    """
    if out.suffix.lower() != ".png":
        raise DataError(f"{out} is no name for a sheet", "let it end in .png")
    if not out.parent.is_dir():
        raise DataError(f"the folder {out.parent} does not exist", "make it first")
    if out.is_dir():
        raise DataError(f"{out} is a folder", "choose another name")
    if out.exists() and any(out.samefile(path) for path in pictures):
        raise DataError(f"{out} is one of the pictures", "choose another name")
