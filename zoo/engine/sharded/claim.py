"""One job at a time on one output: a claim that the system lets go of when its owner dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.engine.sharded.place import LocalPlace
from zoo.errors import ShardError

if TYPE_CHECKING:
    from zoo.engine.sharded.place import Place

NAME = "claim.json"
"""Says who works here, for whoever wants to know; the lock is what counts."""


@contextmanager
def claimed(place: Place) -> Iterator[None]:
    """Keep other jobs away from a place; no clock has a part in it.

    Args:
        place: Where parts lie.

    Raises:
        ShardError: Another job works there.
    """
    if not isinstance(place, LocalPlace):
        yield
        return
    try:
        import fcntl
    except ImportError:  # Windows has no such module.
        yield
        return
    place.folder.mkdir(parents=True, exist_ok=True)
    folder = os.open(place.folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it until just now may have deleted what we opened.
            if os.fstat(folder).st_ino != place.folder.stat().st_ino:
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError):
            raise ShardError(
                f"another job works on {place.name}{_whose(place)}",
                "wait for it, or end it first",
            ) from None
        place.write(NAME, json.dumps(_me()).encode())
        yield
    finally:
        os.close(folder)


def _me() -> dict[str, object]:
    return {"process": os.getpid(), "host": socket.gethostname()}


def _whose(place: Place) -> str:
    try:
        told = json.loads(place.read(NAME) or b"")
        return f": process {told['process']} on {told['host']}"
    except (ValueError, KeyError, TypeError):
        return ""
