"""Workers on this machine: a process for each, ended and started again together."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from zoo.engine import ending, run, runtime
from zoo.engine.strategy.cluster import Cluster
from zoo.engine.strategy.slurm import PORTS
from zoo.errors import ClusterError, WorkerLost
from zoo.stored import UNFINISHED

RESTARTS = 3
"""How often lost workers are replaced, after which something is wrong that stays wrong."""

LOST = WorkerLost.exit_code
"""What a worker ends with that misses another."""

GRACE = 2.0
"""Seconds in which others end by themselves, once one has: it need not be the one to blame."""

PAUSE = 0.05
SHOWN_LINES = 5

GUARD = """
import os, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
"""
"""Ends a worker with whoever started it, however that ended: the pipe is closed then."""

MAIN = "import sys; from zoo.cli.main import main; sys.exit(main(sys.argv[1:]))"


def train(
    words: Sequence[str],
    again: Sequence[str],
    out: Path,
    count: int,
    note: Callable[[str], None],
) -> int:
    """Train with several workers on this machine, until it is done or cannot be done.

    The chief shows its progress; of another worker the last lines are shown if it fails. When one
    is lost, killed by a signal or by the system for its memory, all are ended and started again
    from the last checkpoint.

    Args:
        words: What each worker is to do, as words after `zoo`.
        again: The words that go on with what was begun.
        out: The folder that the run is to have.
        count: How many workers.
        note: Takes a line for the user.

    Returns:
        What the worker who ended it ended with; 0 if all did their work.

    Raises:
        ClusterError: If there are more workers than ports.
        WorkerLost: If workers were lost more than `RESTARTS` times.
        SystemExit: If this process was told to end.
    """
    begun = out.with_name(out.name + UNFINISHED)
    with ending.told(note), _tidy(begun):
        for attempt in range(RESTARTS + 1):
            if begun.exists() and not (begun / run.FACTS).is_file():
                shutil.rmtree(begun)  # Ours, killed before there was anything in it.
            with _workers(again if begun.exists() else words, count) as workers:
                ended = _first_end(workers)
                if ended is None:
                    return 0
                if not ended.lost:
                    if not ended.chief:  # Nobody has seen what it said.
                        note(f"worker {ended.number} failed:\n{ended.last_words()}")
                    return ended.code
            if (out / run.FACTS).is_file():  # It had nothing left to do.
                return 0
            if attempt < RESTARTS:
                note(
                    f"worker {ended.number} was lost ({ended.how()}); all start again from the "
                    f"last checkpoint, {attempt + 1} of {RESTARTS} times"
                )
        raise WorkerLost(
            f"workers were lost {RESTARTS + 1} times, the last of them worker {ended.number} "
            f"({ended.how()})",
            hint="less memory, by a smaller --batch-size or fewer --workers, may help",
        )


@contextmanager
def _tidy(begun: Path) -> Iterator[None]:
    """Leave no folder of a run that came to nothing: a chief that is killed cannot see to it."""
    fresh = not begun.exists()
    try:
        yield
    finally:
        if fresh:
            run.discard(begun)


class Worker:
    """One process.

    Args:
        number: Which of the workers.
        process: The process.
        told: What it wrote to its standard error, where nobody sees it.
    """

    def __init__(self, number: int, process: subprocess.Popen[bytes], told: IO[bytes]) -> None:
        self.number = number
        self.process = process
        self._told = told

    @property
    def chief(self) -> bool:
        """Whether it is the one that everybody sees."""
        return self.number == 0

    @property
    def code(self) -> int:
        """What it ended with, negative for a signal."""
        return self.process.returncode

    @property
    def lost(self) -> bool:
        """Whether it ended for no reason of the training's."""
        return self.code < 0 or self.code == LOST

    def how(self) -> str:
        """How it ended."""
        if self.code < 0:
            return f"killed by {signal.Signals(-self.code).name}"
        return "it missed another"

    def last_words(self) -> str:
        """What it wrote last."""
        self._told.seek(0)
        text = self._told.read().decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return "\n".join(f"  worker {self.number}: {line}" for line in lines[-SHOWN_LINES:])


@contextmanager
def _workers(words: Sequence[str], count: int) -> Iterator[list[Worker]]:
    """Start the processes; none is left afterwards."""
    addresses = tuple(f"127.0.0.1:{port}" for port in _free_ports(count))
    workers: list[Worker] = []
    with ExitStack() as stack:
        # What those leave behind who are killed goes with it.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zoo-workers-"))
        try:
            for number in range(count):
                told = stack.enter_context(tempfile.TemporaryFile())
                chief = number == 0
                process = subprocess.Popen(
                    # -P: what lies in the working directory is not what is meant by `zoo`.
                    [sys.executable, "-P", "-c", GUARD + MAIN, *words],
                    env={
                        **os.environ,
                        "TF_CONFIG": Cluster(addresses, number).tf_config(),
                        "TMPDIR": folder,
                    },
                    stdin=subprocess.PIPE,
                    stdout=None if chief else subprocess.DEVNULL,
                    stderr=None if chief else told,
                    start_new_session=True,  # Ctrl-C is for this process, which ends them.
                )
                workers.append(Worker(number, process, told))
                _place(process.pid, number, count)
            yield workers
        finally:
            # TensorFlow catches SIGTERM and goes on. What is unfinished can be resumed.
            for worker in workers:
                worker.process.kill()
            for worker in workers:
                worker.process.communicate()


def _first_end(workers: Sequence[Worker]) -> Worker | None:
    """Wait until all have done their work, or give the one whose end ended the others."""
    while True:
        codes = [worker.process.poll() for worker in workers]
        if all(code == 0 for code in codes):
            return None
        if any(codes):
            break
        time.sleep(PAUSE)
    # One that missed another may have ended before the one that it missed, and another worker
    # before the chief, who says the same for all to see.
    end = time.monotonic() + (GRACE if all(code is None or code >= 0 for code in codes) else 0.0)
    while time.monotonic() < end and any(worker.process.poll() is None for worker in workers):
        time.sleep(PAUSE)
    ended = [worker for worker in workers if worker.process.returncode]
    # Who was killed is the reason why others miss it; who failed comes before them as well.
    return min(ended, key=lambda worker: (worker.code == LOST, worker.code >= 0, worker.number))


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has at the moment, nor gets by asking for any."""
    with ExitStack() as stack:
        found: list[int] = []
        for port in random.SystemRandom().sample(PORTS, len(PORTS)):
            if len(found) == count:
                break
            with suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
    if len(found) < count:
        raise ClusterError(f"{count} workers need as many ports; {len(found)} are free")
    return found


def _place(process: int, number: int, count: int) -> None:
    """Give a worker cores of its own, where there are enough of them."""
    if not hasattr(os, "sched_setaffinity") or count > runtime.cores():
        return
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(process, cores[number::count])
