"""What does the work: loads a model once, then makes one part after another, on one core.

A worker is the same object on every engine. Local ones are processes of
`python -m zoo.engine.sharded.worker`, which are told what to do by lines of JSON.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Protocol

from zoo.engine.sharded import place
from zoo.engine.sharded.job import versions
from zoo.engine.sharded.part import Part
from zoo.errors import Unreachable, ZooError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What a disk says that takes no more."""

TELL_SECONDS = 0.5
"""How often a worker says how far it is."""

Tell = Callable[[int], None]


class Task(Protocol):
    """What is done to the rows of a shard."""

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Give the lines of a part.

        Args:
            start: Place of the first row in the manifest.
            rows: What the job says of each, as plain data.
            tell: To be called with how many of the rows are done.
        """


class Worker:
    """Makes parts.

    Args:
        setup: `task`, the target that makes a `Task` of `options`, with a further one, `model`,
            if it is not None: the file, or its name where parts lie; `job`, its digest; `parts`,
            where they lie, or None if whoever asks for them keeps them; `cores`, those of its
            own, or None for one thread on any; `gpu`, whether it needs one; `environment`, what
            to add to it.
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._setup = setup
        self._job = setup["job"]
        self._place = place.at(setup["parts"]) if setup["parts"] is not None else None
        self._task: Task | None = None

    def hello(self) -> dict[str, Any]:
        """Load what the task needs.

        Returns:
            `ready`, who this is; or why not, as `work`.
        """
        os.environ.update(self._setup["environment"])
        if self._setup["cores"] is None:
            hold()
        module, _, name = self._setup["task"].partition(":")
        try:
            make = getattr(importlib.import_module(module), name)
            with self._model() as model:
                self._task = make(**self._setup["options"], **model)
        except Exception as error:
            return trouble(error)
        return {"ready": {"versions": versions(), "process": os.getpid()}}

    def work(
        self, shard: int, start: int, rows: Sequence[Any], tell: Tell = lambda done: None
    ) -> dict[str, Any]:
        """Make one part.

        Args:
            shard: Its number.
            start: Place of the first row in the manifest.
            rows: The shard's rows.
            tell: Called with how many of them are done.

        Returns:
            `done`, a number of rows, and the lines unless they were written; or why not:
            `problem`, an error that would meet every worker; `full`, a disk that takes no more;
            `failed`, anything else.
        """
        assert self._task is not None
        try:
            lines = list(self._task(start, rows, tell))
            if self._place is not None:
                Part(self._job, shard, len(rows)).write(self._place, lines)
        except Exception as error:
            return trouble(error)
        return {"done": {"rows": len(rows), "lines": None if self._place is not None else lines}}

    @contextmanager
    def _model(self) -> Iterator[dict[str, str]]:
        """The option that names the model's file, for as long as that is needed."""
        model = self._setup["model"]
        if model is None or self._place is None:
            yield {} if model is None else {"model": model}
            return
        with self._place.fetched(model) as path:
            yield {"model": str(path)}


def hold() -> None:
    """Leave this process one thread to calculate with.

    As many workers as there are cores then take one each, and how many there are is in no bit.
    """
    names = ("OMP", "OPENBLAS", "MKL")
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in names})
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")


def trouble(error: Exception) -> dict[str, Any]:
    """What an error means for the job, as plain data."""
    if isinstance(error, Unreachable):  # At another moment it may answer.
        return {"failed": error.message}
    if isinstance(error, ZooError):
        told = {"class": type(error).__name__, "message": error.message, "hint": error.hint}
        return {"problem": told}
    if isinstance(error, OSError) and error.errno in FULL:
        return {"full": f"{error.strerror}: {error.filename}" if error.filename else error.strerror}
    return {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def main() -> None:
    """Work for the process at the other end of standard input, and end with it."""
    # What libraries print must not get among the messages.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, orders), daemon=True).start()

    def say(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    worker = Worker(orders.get())
    hello = worker.hello()
    say(**hello)
    while "ready" in hello:
        order = orders.get()
        told = time.monotonic()

        def tell(done: int) -> None:
            nonlocal told
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                say(at=done)

        say(**worker.work(**order, tell=tell))


def _listen(orders: IO[str], into: queue.Queue[dict[str, Any]]) -> None:
    """Pass orders on while the work goes on; without anybody to work for there is none."""
    for line in orders:
        into.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    main()
