"""A quick command as a work: a fresh process, from its start to its end."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from zoo.engine.bench.program import Work
from zoo.errors import BenchError

if TYPE_CHECKING:
    from zoo.benchmark.case import Case

MAIN = "import sys; from zoo.cli.main import main; sys.exit(main(sys.argv[1:]))"


def load(case: Case) -> list[str]:
    """The command line of the process."""
    words = shlex.split(case.target)
    command = [sys.executable, "-c", MAIN, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[0]
        raise BenchError(f"zoo {case.target} ends with {done.returncode}: {last}")
    return command


def work(case: Case, command: list[str]) -> Work:
    """One start."""
    return Work(
        launch=lambda: subprocess.run(command, capture_output=True, check=False).returncode,
        count=1,
    )
