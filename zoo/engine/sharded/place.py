"""Where parts lie: a folder whose files are written whole or not at all."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from zoo import atomic, remote


class Place(Protocol):
    """A folder of small files, on a disk or anywhere else."""

    name: str
    """As the user would write it."""

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file so that no reader ever sees a piece of it."""

    def keep(self, name: str, file: Path) -> None:
        """Keep a file of this machine for all who reach the place."""

    def fetched(self, name: str) -> AbstractContextManager[Path]:
        """A file that was kept, as one of this machine for a while."""

    def names(self) -> list[str]:
        """The files that are there, sorted."""

    def remove(self, name: str | None = None) -> None:
        """Delete a file, or the folder with all that it holds."""


class LocalPlace:
    """A folder on a disk of this machine, or on one that all machines share.

    Args:
        folder: The folder; made when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside its place and rename it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(self.folder / name) as beside:
            beside.write_bytes(content)

    def keep(self, name: str, file: Path) -> None:
        """Link a file here, or copy it."""
        with atomic.replacing(self.folder / name) as beside:
            try:
                beside.hardlink_to(file)
            except OSError:
                shutil.copyfile(file, beside)

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """A file that was kept."""
        yield self.folder / name

    def names(self) -> list[str]:
        """The files that are there, sorted, those left out that nobody finished."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.name[0] != ".")

    def remove(self, name: str | None = None) -> None:
        """Delete a file, or the folder with all that it holds."""
        if name is not None:
            (self.folder / name).unlink(missing_ok=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


class MemoryPlace:
    """A folder of the driver's own, for parts that nobody goes on with."""

    name = "memory"

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        return self._files.get(name)

    def write(self, name: str, content: bytes) -> None:
        """Keep a file."""
        self._files[name] = content

    def names(self) -> list[str]:
        """The files that are there, sorted."""
        return sorted(self._files)

    def remove(self, name: str | None = None) -> None:
        """Forget a file, or all of them."""
        if name is None:
            self._files.clear()
        else:
            self._files.pop(name, None)


class RemotePlace:
    """A folder of a filesystem that fsspec reaches, whose files are put whole.

    Args:
        name: With its scheme.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._files, self._root = remote.filesystem(name)

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        # Others write here, and a filesystem remembers what it was told before.
        self._files.invalidate_cache()
        with remote.reaching(self.name):
            try:
                content: bytes = self._files.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Put a file. What a store of files leaves of one that was cut off, its header tells."""
        path = f"{self._root}/{name}"
        with remote.reaching(self.name):
            try:
                self._files.pipe_file(path, content)
            except FileNotFoundError:
                # Some need the folder made, and none is to make a bucket out of a typing error.
                self._files.mkdir(self._root, create_parents=False)
                self._files.pipe_file(path, content)

    def keep(self, name: str, file: Path) -> None:
        """Put a file of this machine there."""
        with remote.reaching(self.name):
            self._files.put_file(str(file), f"{self._root}/{name}")

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """A copy of a file, which is deleted."""
        with remote.fetched(remote.join(self.name, name)) as path:
            yield path

    def names(self) -> list[str]:
        """The files that are there, sorted."""
        self._files.invalidate_cache()
        with remote.reaching(self.name):
            try:
                found = self._files.ls(self._root, detail=False)
            except FileNotFoundError:
                return []
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def remove(self, name: str | None = None) -> None:
        """Delete a file, or the folder with all that it holds."""
        self._files.invalidate_cache()
        # A star in a name is no pattern of others to delete.
        path = glob.escape(f"{self._root}/{name}" if name else self._root)
        with remote.reaching(self.name), suppress(FileNotFoundError):
            self._files.rm(path, recursive=not name)


def at(folder: str) -> Place:
    """The place of a name."""
    return RemotePlace(folder) if remote.is_one(folder) else LocalPlace(remote.local(folder))
