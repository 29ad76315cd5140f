"""The cache of weights: one folder, each file under its digest, none of them wrong.

    $ZOO_CACHE/weights/
        <sha256>          a verified file; `md5-<md5>` where the publisher gives no better digest
        <sha256>.json     the size and time it had when it was verified
        <sha256>.part     a transfer that is to be continued
        <sha256>.lock     held while a process fetches the file

A bundle is the same folder elsewhere: `ZOO_CACHE=BUNDLE` uses it in place, `ZOO_MIRROR=BUNDLE`
copies from it. `ZOO_MIRROR` takes several folders and https addresses, separated by spaces.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo import atomic
from zoo.engine.weights.pin import Pin, digest
from zoo.errors import WeightsError
from zoo.index import Index, cache_folder

FOLDER = "weights"


def place(pin: Pin) -> Path:
    """Where a file is kept, whether it is there or not."""
    return cache_folder() / FOLDER / pin.name


def mirrors(pin: Pin) -> list[str]:
    """Where else a file may be, as `ZOO_MIRROR` tells."""
    roots = os.environ.get("ZOO_MIRROR", "").split()
    return [f"{root.rstrip('/')}/{FOLDER}/{pin.name}" for root in roots]


def is_right(path: Path, pin: Pin, *, full: bool = False) -> bool:
    """Whether a file is what its pin says.

    Args:
        path: The file.
        pin: What it must be.
        full: Read it in any case. A file whose size and time are those of its last check is
            otherwise taken as checked.
    """
    stamp = place(pin).with_name(f"{pin.name}.json")
    if full:
        stamp.unlink(missing_ok=True)
    index = Index("1", stamp)
    found = index.get(f"{pin.algorithm} {path}", lambda: (digest(path, pin.algorithm), [path]))
    if found == pin.digest:
        index.save()
    return bool(found == pin.digest)


def check(path: Path, pin: Pin) -> None:
    """See that a file which is not ours to delete is what its pin says.

    Raises:
        WeightsError: It is another file.
    """
    if not is_right(path, pin):
        raise WeightsError(
            f"{path} has {pin.algorithm} {digest(path, pin.algorithm)}, "
            f"the manifest says {pin.digest}",
            "delete the file, and it is fetched again",
        )


@dataclass(frozen=True)
class Kept:
    """One file of the cache: its path, its bytes, and whether it is a whole file."""

    path: Path
    size: int
    whole: bool

    @property
    def pin(self) -> Pin:
        """What its name says that it is."""
        algorithm, _, digits = self.path.name.rpartition("-")
        return Pin(digits, algorithm or "sha256")


def kept() -> Iterator[Kept]:
    """Every file of the cache that takes room: weights and parts of them."""
    folder = cache_folder() / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in ("", ".part"):
            yield Kept(path, path.stat().st_size, path.suffix == "")


def remove(files: Iterable[Kept]) -> None:
    """Delete files and what was noted of them.

    Raises:
        WeightsError: The cache cannot be written.
    """
    for file in files:
        try:
            file.path.unlink(missing_ok=True)
            for suffix in (".json", ".lock"):
                file.path.with_suffix(suffix).unlink(missing_ok=True)
        except OSError as error:
            raise WeightsError(f"{file.path} cannot be deleted: {error.strerror}") from error


def bundle(path: Path, pin: Pin, folder: Path) -> Path:
    """Copy a verified file into a bundle, beside and renamed.

    Args:
        path: The file.
        pin: What it is.
        folder: The bundle; made where it is not there.

    Returns:
        The copy.

    Raises:
        WeightsError: The bundle cannot be written.
    """
    copy = folder / FOLDER / pin.name
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replacing(copy) as beside:
            shutil.copyfile(path, beside)
    except OSError as error:
        raise WeightsError(f"{copy} cannot be written: {error.strerror or error}") from error
    return copy
