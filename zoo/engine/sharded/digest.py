"""Digests of what is too large to be told in a job's facts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path


def of_file(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_rows(rows: Iterable[Sequence[object]]) -> str:
    """The sha256 of rows in their order, whose cells hold no NUL."""
    whole = hashlib.sha256()
    for row in rows:
        # A file name need not be text.
        line = "\0".join(map(str, row)) + "\n"
        whole.update(line.encode(errors="surrogateescape"))
    return whole.hexdigest()
