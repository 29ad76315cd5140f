"""Work that costs nothing, and misfortunes that a row can ask for; also an engine without workers.

Worker processes import it by this name, so it imports nothing of the tests.
"""

from __future__ import annotations

import errno
import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.engine.sharded.cut import Cut
from zoo.engine.sharded.event import Event
from zoo.engine.sharded.job import Job, versions
from zoo.engine.sharded.work import Work
from zoo.errors import DataError


class Echo:
    """Gives back a row's name and its place.

    A row is [name] or [name, misfortune, file]: with a file the misfortune happens while it is
    there, and takes it away.
    """

    def __init__(self, start: str = "", seconds: float = 0.0) -> None:
        self._seconds = seconds
        if start:
            _suffer(start)

    def __call__(
        self, start: int, rows: Sequence[Any], tell: Callable[[int], None]
    ) -> Iterator[Any]:
        for place, (name, *misfortune) in enumerate(rows, start):
            time.sleep(self._seconds)
            if misfortune:
                kind, *file = misfortune
                if not file or _took(Path(file[0])):
                    _suffer(kind)
            yield [place, name]
            tell(place - start + 1)


def _took(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _suffer(kind: str) -> None:
    if kind == "kill":
        tempfile.mkdtemp()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exit":
        os.write(2, b"Segmentation fault\nsomewhere deep inside\n")
        os._exit(3)
    if kind == "raise":
        raise ValueError("a number that\nis none")
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "/data/00000001.part")
    if kind == "refuse":
        raise DataError("no such pictures", "give others")


def work(rows: Sequence[list[Any]], length: int = 2, **options: Any) -> Work:
    """A job of some rows."""
    return Work(
        Job("echo", {"rows": [row[0] for row in rows], "shard": length}),
        Cut(len(rows), length),
        lambda places: rows[places.start : places.stop],
        "stand_ins:Echo",
        options,
    )


def expected(rows: Sequence[list[Any]]) -> list[list[Any]]:
    """What one process makes of rows."""
    return [[place, row[0]] for place, row in enumerate(rows)]


class Scripted:
    """An engine whose workers do what a function says, one event after another.

    Args:
        answer: Takes a worker and an order, gives the event's kind and value.
        hello: What each worker says of its versions.
    """

    def __init__(
        self,
        answer: Callable[[int, dict[str, Any]], tuple[str, Any]],
        hello: dict[str, str] | None = None,
    ) -> None:
        self._answer = answer
        self._hello = hello or versions()
        self._events: deque[Event] = deque()
        self.started: list[int] = []
        self.given: list[tuple[int, int]] = []
        self.stopped = False

    def start(self, worker: int, seat: int) -> None:
        self.started.append(worker)
        self._events.append(Event(worker, "ready", {"versions": self._hello, "process": worker}))

    def give(self, worker: int, order: dict[str, Any]) -> None:
        self.given.append((worker, order["shard"]))
        self._events.append(Event(worker, *self._answer(worker, order)))

    def next(self, timeout: float) -> Event | None:
        return self._events.popleft() if self._events else None

    def stop(self) -> None:
        self.stopped = True
