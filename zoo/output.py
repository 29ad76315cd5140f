"""A file that is written: on a disk of this machine or elsewhere, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo import atomic, remote
from zoo.errors import DataError


def check(name: str | Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: Its folder or bucket does not exist, or what its scheme needs is not installed.
        Unreachable: It cannot be told.
    """
    if remote.is_one(name):
        files, path = remote.filesystem(str(name))
        bucket, _, rest = path.strip("/").partition("/")
        with remote.reaching(str(name)):
            if rest and not files.exists(bucket):
                raise DataError(f"{name} cannot be written: there is no {bucket}", "make it first")
        return
    folder = remote.local(name).parent
    if not folder.is_dir():
        raise DataError(f"the folder {folder} does not exist", "make it first")


@contextmanager
def written(name: str | Path) -> Iterator[Path]:
    """Write a file that is there once all of it is written, or not at all.

        with output.written("s3://bucket/table.csv") as path, path.open("w") as file:
            csv.writer(file).writerows(rows)

    Args:
        name: Of the file, here or elsewhere. One that is there already is replaced.

    Yields:
        Where to write it: beside its place, or in a temporary folder.

    Raises:
        DataError: As `remote.put`.
    """
    if remote.is_one(name):
        with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
            path = Path(folder, "whole")
            yield path
            remote.put(path, str(name))
        return
    with atomic.replacing(remote.local(name)) as path:
        yield path
