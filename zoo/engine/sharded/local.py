"""Workers that are processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any

from zoo.engine.nvidia import gpu_state
from zoo.engine.sharded.event import Event

TAIL = 5
"""Lines of a dead worker's last words that are told."""


class Local:
    """Fresh processes, told what to do through pipes; that one has died is known at once.

    Args:
        setup: As `Worker` takes it.
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._setup = setup
        self._heard: queue.Queue[Event] = queue.Queue()
        self._workers: dict[int, subprocess.Popen[str]] = {}
        self._room = tempfile.TemporaryDirectory(prefix="zoo-", ignore_cleanup_errors=True)

    def start(self, worker: int, seat: int) -> None:
        """Start a process."""
        # It is to import what this process would, and nothing that lies about where it is called.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        # Whoever is killed leaves there what it was reading.
        environment["TMPDIR"] = self._room.name
        if (gpus := len(gpu_state() or ())) > 1 and "CUDA_VISIBLE_DEVICES" not in os.environ:
            environment["CUDA_VISIBLE_DEVICES"] = str(seat % gpus)
        words = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by the thread
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zoo.engine.sharded.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
            encoding="utf-8",
            env=environment,
            # Ctrl-C is for the driver, which ends its workers.
            start_new_session=True,
        )
        self._workers[worker] = process
        self._send(process, self._setup)
        threading.Thread(target=self._listen, args=(worker, process, words), daemon=True).start()
        cores = self._setup["cores"]
        if cores is not None and hasattr(os, "sched_setaffinity"):
            own = sorted(os.sched_getaffinity(0))[seat * cores :][:cores]
            with contextlib.suppress(ProcessLookupError):  # Its death is heard of, too.
                os.sched_setaffinity(process.pid, own)

    def give(self, worker: int, order: Mapping[str, Any]) -> None:
        """Write to a process."""
        self._send(self._workers[worker], order)

    def next(self, timeout: float) -> Event | None:
        """Wait for a process to say something, or to end."""
        try:
            return self._heard.get(timeout=timeout)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Kill all processes: parts that are not whole are in nobody's way."""
        for process in self._workers.values():
            process.kill()
        for process in self._workers.values():
            process.wait()
            if process.stdin:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
        self._room.cleanup()

    def processes(self) -> dict[int, int]:
        """The process of each worker that runs."""
        running = {number: each for number, each in self._workers.items() if each.poll() is None}
        return {number: process.pid for number, process in running.items()}

    def _send(self, process: subprocess.Popen[str], message: Mapping[str, Any]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # That it died is heard at the other pipe.
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()

    def _listen(self, worker: int, process: subprocess.Popen[str], words: IO[str]) -> None:
        """Pass on what one process says, to its end."""
        with process.stdout as answers, words:  # type: ignore[union-attr]
            for line in answers:
                try:
                    ((kind, value),) = json.loads(line).items()
                except ValueError:  # It died in the middle of a word.
                    break
                self._heard.put(Event(worker, kind, value))
            self._heard.put(Event(worker, "died", _last_words(process.wait(), words)))


def _last_words(status: int, words: IO[str]) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        likely = " (memory ran out, most likely)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{likely}"
    words.seek(0)
    lines = [line.strip() for line in words if line.strip()]
    return f"its process ended: {' | '.join(lines[-TAIL:])[-400:] or f'exit code {status}'}"
