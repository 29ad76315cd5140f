"""One job at a time on one output; no clock has a part in it.

On a disk the system holds the claim, and lets go of it when its owner dies. Elsewhere a claim is a
file with a token: whoever goes on with a job puts another one there, and the job before ends by
itself when it next looks, before anything else is done.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoo.engine.sharded.place import LocalPlace, RemotePlace
from zoo.errors import ShardError

if TYPE_CHECKING:
    from zoo.engine.sharded.place import Place

NAME = "claim.json"

Check = Callable[[], None]
"""Raises ShardError once another job has taken the place over."""


@contextmanager
def claimed(place: Place, take_over: bool = False) -> Iterator[Check]:
    """Keep other jobs away from a place.

    Args:
        place: Where parts lie.
        take_over: Whether a claim that nobody may hold any more is taken over.

    Yields:
        What to call before anything is done that another job could do too.

    Raises:
        ShardError: Another job works there.
    """
    if isinstance(place, LocalPlace):
        with _locked(place):
            yield lambda: None
    elif isinstance(place, RemotePlace):
        yield from _marked(place, take_over)
    else:
        yield lambda: None


@contextmanager
def _locked(place: LocalPlace) -> Iterator[None]:
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
        place.write(NAME, _me())
        yield
    finally:
        os.close(folder)


def _marked(place: RemotePlace, take_over: bool) -> Iterator[Check]:
    if place.read(NAME) is not None and not take_over:
        raise ShardError(
            f"another job works on {place.name}, or died there{_whose(place)}",
            "wait for it; if it is gone, --resume goes on with its work",
        )
    mine = _me()
    place.write(NAME, mine)

    def check() -> None:
        if place.read(NAME) != mine:
            raise ShardError(
                f"another job has taken {place.name} over{_whose(place)}",
                "nothing is lost: that one goes on",
            )

    try:
        yield check
    except BaseException:
        if place.read(NAME) == mine:
            place.remove(NAME)
        raise


def _me() -> bytes:
    me = {"process": os.getpid(), "host": socket.gethostname(), "token": secrets.token_hex(8)}
    return json.dumps(me).encode()


def _whose(place: Place) -> str:
    try:
        told = json.loads(place.read(NAME) or b"")
        return f": process {told['process']} on {told['host']}"
    except (ValueError, KeyError, TypeError):
        return ""
