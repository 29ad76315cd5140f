"""A folder of pictures as a layout sees it: folders, files below them, and what those are."""

from __future__ import annotations

import errno
import os
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zoo import remote
from zoo.engine import sample as samples
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.engine.sample import Sample


class Tree(Protocol):
    """A folder here or elsewhere. Names in it are relative, with slashes; hidden ones are none."""

    root: Path | str
    """Its name, without a slash at the end."""

    def folders(self, inside: str = "") -> list[str]:
        """Names of the folders right inside the root or one of its folders, sorted."""

    def files(self, inside: str) -> Iterable[str]:
        """Every file inside one of its folders, at any depth."""

    def text(self, name: str) -> str | None:
        """What a file says; None where there is none."""

    def sample(
        self, name: str, label: int, split: str, unreadable: dict[str, str], others: list[str]
    ) -> Sample | None:
        """Tell a picture from another file, as `sample.look`."""


class LocalTree:
    """A folder of this machine, whose files are told by their first bytes.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.exists():
            raise DataError(
                f"no folder {root}", hint="give a folder that holds one folder per class"
            )
        self.root = root

    def folders(self, inside: str = "") -> list[str]:
        """Names of the folders in one, sorted."""
        folder = self.root / inside
        try:
            return sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
        except OSError as error:
            raise DataError(f"{folder}: {error.strerror}") from None

    def files(self, inside: str) -> Iterable[str]:
        """Every file in a folder, those of each folder sorted."""
        for place, inner, names in os.walk(self.root / inside):
            inner[:] = sorted(name for name in inner if name[0] != ".")
            yield from (
                Path(place, name).relative_to(self.root).as_posix()
                for name in sorted(names)
                if name[0] != "."
            )

    def text(self, name: str) -> str | None:
        """What a file says."""
        path = self.root / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def sample(
        self, name: str, label: int, split: str, unreadable: dict[str, str], others: list[str]
    ) -> Sample | None:
        """Look at a file."""
        return samples.look(self.root / name, name, label, split, unreadable, others)


class RemoteTree:
    """A folder that is elsewhere: listed once, its files told by what they are called.

    Args:
        root: Its name.

    Raises:
        DataError: As `remote.listing`.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._sizes = {
            name: size
            for name, size in remote.listing(root).items()
            if not any(part.startswith(".") for part in name.split("/"))
        }
        # Web servers list names alone.
        untold = [name for name, size in self._sizes.items() if size is None and name[-1:] != "/"]
        away = [remote.join(self.root, name) for name in untold]
        self._sizes |= dict(zip(untold, remote.sizes(away), strict=True))
        self._names = sorted(self._sizes)

    def folders(self, inside: str = "") -> list[str]:
        """Names of the folders in one, sorted."""
        start = len(inside) + 1 if inside else 0
        heads = (name[start:].partition("/") for name in self._below(inside))
        return sorted({head for head, slash, _ in heads if head and slash})

    def files(self, inside: str) -> Iterable[str]:
        """Every file in a folder, sorted."""
        return (name for name in self._below(inside) if not name.endswith("/"))

    def text(self, name: str) -> str | None:
        """What a file says."""
        if name not in self._sizes:
            return None
        with remote.fetched(remote.join(str(self.root), name)) as path:
            return path.read_text(encoding="utf-8")

    def sample(
        self, name: str, label: int, split: str, unreadable: dict[str, str], others: list[str]
    ) -> Sample | None:
        """Judge a file by its name."""
        if name not in self._sizes:
            unreadable[name] = os.strerror(errno.ENOENT)
            return None
        away = remote.join(str(self.root), name)
        return samples.called(away, self._sizes[name], name, label, split, unreadable, others)

    def _below(self, inside: str) -> list[str]:
        if not inside:
            return self._names
        # In the order of characters the one after the slash is the nought.
        first, last = (bisect_left(self._names, inside + end) for end in "/0")
        return self._names[first:last]


def of(root: Path | str) -> Tree:
    """The tree of a folder, here or elsewhere.

    Raises:
        DataError: There is none.
    """
    return RemoteTree(str(root)) if remote.is_one(root) else LocalTree(remote.local(root))
