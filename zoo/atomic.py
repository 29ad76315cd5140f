"""Files that are there once all of them is: written beside their place, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to, whose file takes the place of another when all went well.

    What is read at `path` meanwhile is what was there before, and stays so after an error.

    Args:
        path: The file to be, in a folder that exists.

    Yields:
        A name in the same folder that nobody else writes to, not even on another machine that
        shares the disk; its suffixes are those of `path`.

    Raises:
        OSError: What was to be written cannot be; it names `path`.
    """
    # A process id would not do: containers that share a disk all number theirs from one.
    beside = path.with_name(f".{os.urandom(8).hex()}.{path.name}")
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        # Who reads it has never heard of the other name.
        if str(error.filename) == str(beside):
            error.filename = str(path)
        if str(error.filename2) == str(beside):
            error.filename2 = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)
