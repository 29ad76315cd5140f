"""`zoo bench --suite`: the scripts behind benchmarks/README.md, run again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from zoo.cli import show
from zoo.errors import BenchError, Failure

HOME = Path(__file__).parents[3] / "benchmarks"


def run(names: Sequence[str]) -> None:
    """Run the scripts, each in a process of its own.

    Args:
        names: Those to run, without suffix; empty for all.

    Raises:
        BenchError: This zoo has no scripts, or none of a name.
        Failure: A script missed a bound.
    """
    scripts = {path.stem: path for path in sorted(HOME.glob("*.py")) if path.stem != "record"}
    if not scripts:
        raise BenchError(
            "the suite lies in the source of zoo, beside the package, and not in this installation",
            "clone it, and run make bench there",
        )
    unknown = [name for name in names if name not in scripts]
    if unknown:
        raise BenchError(f"the suite has no {unknown[0]!r}; it has: {', '.join(scripts)}")
    missed = []
    for name in names or scripts:
        show.note(f"== {name}")
        if subprocess.run([sys.executable, str(scripts[name])], check=False).returncode:
            missed.append(name)
    if missed:
        raise Failure(f"missed a bound, or failed: {', '.join(missed)}", "its output says which")
