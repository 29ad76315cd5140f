"""A file that is written: on a disk of this machine or elsewhere, whole or not at all."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo import atomic, remote
from zoo.errors import DataError

READ_ONLY = ("http://", "https://")


def check(name: str | Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: Its folder or bucket does not exist, or what its scheme needs is not installed.
        Unreachable: It cannot be told.
    """
    if remote.is_one(name):
        _check_bucket(str(name))
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


def _check_bucket(name: str) -> None:
    if name.startswith(READ_ONLY):
        told = f"{name} cannot be written: from a web server one only reads"
        raise DataError(told, "give a path, or the name of something in a bucket")
    files, path = remote.filesystem(name)
    bucket = re.match(r"/?[^/]+(?=/)", path)
    if bucket is None:
        return
    with remote.reaching(name):
        try:
            # Unlike `exists` it tells one that lets nobody in from one that is not there.
            files.info(bucket[0])
        except FileNotFoundError:
            told = f"{name} cannot be written: there is no {bucket[0].lstrip('/')}"
            raise DataError(told, "make it first") from None
