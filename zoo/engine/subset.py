"""A smaller set of pictures drawn from a larger one, so many of each class."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.engine.folder import ImageFolder


def draw(
    folder: ImageFolder, out: Path, counts: Mapping[str, int], *, seed: int = 0, link: bool = False
) -> dict[str, Any]:
    """Copy a sample of each class into a new folder.

    The pictures with the smallest hashes of seed and name are taken, so that a larger sample of
    the same seed holds the smaller one.

    Args:
        folder: What `folder.read` gave.
        out: The folder to make, with a folder per split and class.
        counts: Pictures of each class by split; a split that is not named is left out.
        seed: Chooses the pictures.
        link: Link to the files instead of copying them.

    Returns:
        The folder, pictures by split, and the classes that had fewer than asked for.

    Raises:
        DataError: If the folder is in use, or a split has no pictures.
    """
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise DataError(f"{out} is in use", hint="name a folder that does not exist")
    for split, count in counts.items():
        if count and split not in folder.counts:
            raise DataError(f"{folder.root} has no {split} pictures to draw from")
    short: set[str] = set()
    chosen = []
    for split, count in counts.items():
        for label, name in enumerate(folder.classes):
            members = [each for each in folder.split(split) if each.label == label]
            members.sort(key=lambda each: hashlib.sha256(f"{seed}\0{each.id}".encode()).digest())
            chosen += members[:count]
            if len(members) < count:
                short.add(name)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        for each in chosen:
            flat = each.id.replace("/", "_") if "/" in each.id else each.id
            place = beside / each.split / folder.classes[each.label]
            place.mkdir(parents=True, exist_ok=True)
            if link:
                (place / flat).symlink_to(each.path.absolute())
            else:
                shutil.copyfile(each.path, place / flat)
        if out.exists():
            out.rmdir()
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return {
        "out": str(out),
        "pictures": {split: sum(s.split == split for s in chosen) for split in counts},
        "classes": list(folder.classes),
        "short": sorted(short),
    }
