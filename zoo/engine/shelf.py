"""What is computed once and kept: each set of shards under the digest of all that decides it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.index import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "features"
INDEX = "index.json"

SPARE = 0.8
"""The share of the free disk that one set may take."""


def place(facts: Mapping[str, Any]) -> Path:
    """The folder of a set: another for any change of its facts."""
    return cache_folder() / FOLDER / digest(facts)


def digest(document: Any) -> str:
    """The sha256 of plain data."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def has_room(needed: int) -> bool:
    """Whether so many bytes leave the disk some room."""
    folder = cache_folder().absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return needed <= SPARE * shutil.disk_usage(existing).free


def used(folder: Path) -> None:
    """Note that a set was of use just now, for `collect`."""
    os.utime(folder / INDEX)


def stored() -> Iterator[dict[str, Any]]:
    """What the cache holds, the longest unused first: folder, cut, samples, bytes, last use."""
    found = []
    for index in (cache_folder() / FOLDER).glob(f"*/{INDEX}"):
        try:
            facts = json.loads(index.read_text(encoding="utf-8"))
            shards = facts["shards"]
        except (OSError, ValueError, KeyError):
            facts, shards = {}, []
        found.append(
            {
                "folder": str(index.parent),
                "cut": facts.get("cut", "unreadable"),
                "shape": facts.get("shape", []),
                "samples": len(facts.get("samples", ())),
                "complete": bool(shards) and None not in shards,
                "bytes": sum(path.stat().st_size for path in index.parent.iterdir()),
                "used": index.stat().st_mtime,
            }
        )
    yield from sorted(found, key=lambda row: row["used"])


def collect(limit: int) -> list[dict[str, Any]]:
    """Delete caches, the longest unused first, until no more than `limit` bytes are left.

    Returns:
        What was deleted, as `stored` tells it.
    """
    rows = list(stored())
    total = sum(row["bytes"] for row in rows)
    gone = []
    for row in rows:
        if total <= limit:
            break
        shutil.rmtree(row["folder"])
        total -= row["bytes"]
        gone.append(row)
    return gone
