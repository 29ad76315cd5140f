"""One labelled picture, and what its first bytes say of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zoo.engine import magic

_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".jp2", ".jxl", ".psd")


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture.

    Args:
        id: Path relative to the folder's root, with forward slashes: the picture's name in
            reports, digests and splits.
        path: Where the file is on this machine.
        label: Index into the folder's classes.
        split: "train", "val" or "test".
        size: Bytes of the file.
        away: The name of a file that is elsewhere, which has no path.
    """

    id: str
    path: Path
    label: int
    split: str
    size: int
    away: str | None = None

    @property
    def place(self) -> str:
        """Where the file is, for whoever works in another folder, or on another machine."""
        return self.away or str(self.path.absolute())


def look(
    path: Path, id: str, label: int, split: str, unreadable: dict[str, str], others: list[str]
) -> Sample | None:
    """Tell a picture from another file by its first bytes.

    Args:
        path: The file.
        id: Its name.
        label: Of its class.
        split: Which it belongs to.
        unreadable: Gets the reason, by name, of a file that should be a picture and is not.
        others: Gets the names of files that neither are pictures nor are called so.

    Returns:
        The sample, or None.
    """
    try:
        with path.open("rb") as file:
            head = file.read(magic.HEAD)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        unreadable[id] = error.strerror or "cannot be opened"
        return None
    found = magic.kind(head)
    if found in magic.FORMATS:
        return Sample(id, path, label, split, size)
    if found or path.suffix.lower() in _SUFFIXES + _OTHER_SUFFIXES:
        unreadable[id] = "empty file" if not size else found or "no picture inside"
    else:
        others.append(id)
    return None


def called(
    away: str,
    size: int | None,
    id: str,
    label: int,
    split: str,
    unreadable: dict[str, str],
    others: list[str],
) -> Sample | None:
    """Tell a picture that is elsewhere from another file by its name; nobody looks inside.

    Args:
        away: The file.
        size: Its bytes; None where nobody tells.
        id: Its name in its folder.
        label: As for `look`.
        split: As for `look`.
        unreadable: As for `look`.
        others: As for `look`.

    Returns:
        The sample, or None.
    """
    suffix = PurePosixPath(id).suffix.lower()
    if suffix not in _SUFFIXES + _OTHER_SUFFIXES:
        others.append(id)
    elif suffix in _OTHER_SUFFIXES:
        unreadable[id] = suffix[1:].upper()
    elif size == 0:
        unreadable[id] = "empty file"
    else:
        return Sample(id, Path(id), label, split, size or 0, away)
    return None
