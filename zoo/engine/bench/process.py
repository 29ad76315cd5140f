"""One configuration, one fresh process: nothing of the one before is warm, or in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import errors
from zoo.benchmark.document import Peak, Row
from zoo.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.benchmark.case import Case

TAIL = 5
"""Lines of a dead process's last words that are told."""

LIKELY = {
    "SIGKILL": " (memory ran out, most likely)",
    "SIGABRT": " (memory ran out, most likely)",
    "SIGSEGV": " (memory ran out, perhaps: not all code looks whether it got what it asked for)",
}
"""What ends processes by a signal."""


def measure(case: Case, environment: Mapping[str, str] | None = None, verbose: bool = False) -> Row:
    """Measure one configuration in a process of its own.

    Args:
        case: The configuration.
        environment: What to add to the environment.
        verbose: Let the process write to standard error what it likes.

    Returns:
        The row. A batch that does not fit, or a process that died, is a row with an `error`.

    Raises:
        ZooError: The call is wrong.
    """
    told = _run("row", case, environment, verbose)
    return Row.model_validate(told["row"]) if "row" in told else Row(case=case, error=told["died"])


def attempt(case: Case, environment: Mapping[str, str] | None = None) -> Row:
    """Run two steps of a configuration and no more, to see whether it fits."""
    told = _run("attempt", case, environment)
    return Row(case=case, error=told.get("died") or told["row"].get("error"))


def peak(case: Case, environment: Mapping[str, str] | None = None) -> Peak | None:
    """Measure the limits of the device; None where the process died."""
    told = _run("peak", case, environment)
    return Peak.model_validate(told["peak"]) if "peak" in told else None


def _run(
    what: str, case: Case, environment: Mapping[str, str] | None, verbose: bool = False
) -> dict[str, Any]:
    backend = "tensorflow" if case.backend == "onnxruntime" else case.backend
    surroundings = {**os.environ, **(environment or {}), "KERAS_BACKEND": backend}
    if verbose:
        surroundings["TF_CPP_MIN_LOG_LEVEL"] = "0"
    with tempfile.TemporaryDirectory(prefix="zoo-bench-") as folder:
        answer = Path(folder, "answer.json")
        child = subprocess.run(
            [sys.executable, "-m", "zoo.engine.bench.worker", what, str(answer)],
            input=case.model_dump_json(),
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if not answer.is_file():
            return {"died": _last_words(child)}
        told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "problem" in told:
        problem = told["problem"]
        kind = getattr(errors, problem["class"], BenchError)
        raise kind(problem["message"], problem["hint"])
    return told


def _last_words(child: subprocess.CompletedProcess[str]) -> str:
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        return f"the process was ended by {name}{LIKELY.get(name, '')}"
    lines = [line.strip() for line in (child.stderr or "").splitlines() if line.strip()]
    return f"the process failed: {' | '.join(lines[-TAIL:])[-400:]}"
