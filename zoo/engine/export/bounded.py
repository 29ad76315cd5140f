"""An export in a process of its own, ended with a sentence before it takes the machine down.

A converter that runs out of memory is killed by the system, or others are; nobody is told why.
Here the parent watches what the child and its children hold in memory.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from zoo import errors
from zoo.errors import ExportError, ZooError

POLL = 0.05
"""Seconds between two looks at the memory."""

SHARE = 0.9
"""The part of the memory which is free at the start that an export may take."""


def export(
    target: str,
    out: Path,
    *,
    limit: int | None = None,
    verbose: bool = False,
    progress: Callable[[str], None],
    **options: Any,
) -> dict[str, Any]:
    """Do `zoo.engine.export.export` in a child.

    Args:
        target: A run folder, a `.keras` file or a name.
        out: Folder to make.
        limit: Bytes that child and its children may hold; None for most of what is free.
        verbose: Let TensorFlow say what it likes.
        progress: Called with a sentence before each step.
        options: As for `export`.

    Returns:
        What `export` gives.

    Raises:
        ZooError: As `export`.
        ExportError: More memory was needed, or the child died.
    """
    limit = limit or _free()
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    child = spawn.Process(target=_work, args=(theirs, verbose, target, out, options), daemon=False)
    child.start()
    theirs.close()
    try:
        return _followed(child, ours, limit, target, progress)
    finally:
        # Whoever sent a last word ends by itself; any other has nobody to work for.
        child.join(timeout=10)
        if child.is_alive():
            child.kill()
            child.join()
        _sweep(out)


def _followed(
    child: Any,
    connection: Connection,
    limit: int | None,
    target: str,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """What the child says in the end."""
    while True:
        if connection.poll(POLL):
            try:
                kind, *told = connection.recv()
            except EOFError:
                child.join()
                raise ExportError(
                    f"the process that exported {target} ended without a word (exit code "
                    f"{child.exitcode}); most likely the system ran out of memory",
                    "free some, or use a larger machine",
                ) from None
            if kind == "done":
                document: dict[str, Any] = told[0]
                return document
            if kind == "error":
                raise _error(*told)
            progress(*told)
        elif limit is not None and (taken := resident(child.pid)) > limit:
            child.kill()
            raise ExportError(
                f"exporting {target} took {taken / 1e9:.1f} GB of memory, and it may take "
                f"{limit / 1e9:.1f} GB here",
                "free some, use a larger machine, or raise --max-memory",
            )


def _work(
    connection: Connection, verbose: bool, target: str, out: Path, options: dict[str, Any]
) -> None:
    """The child: export, and tell of it."""
    # oneDNN's own allocator keeps what it once had, a second copy of a large model.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    from zoo.engine import runtime

    try:
        # On the CPU, whose float32 has all its digits.
        runtime.start("cpu", verbose)
        from zoo.engine.export import export

        def note(sentence: str) -> None:
            connection.send(("note", sentence))

        document = export(target, out, progress=note, **options)
    except ZooError as error:
        connection.send(("error", type(error).__name__, error.message, error.hint))
    else:
        connection.send(("done", document))
    connection.close()


def _error(name: str, message: str, hint: str | None) -> ZooError:
    """The error of a child, whose class may take other arguments than these."""
    kind: type[ZooError] = getattr(errors, name, ExportError)
    error = kind.__new__(kind)
    ZooError.__init__(error, message, hint)
    return error


def _sweep(out: Path) -> None:
    """Take away what a child that was ended had begun."""
    for folder in out.parent.glob(f".{out.name}.*.unfinished"):
        shutil.rmtree(folder, ignore_errors=True)


def resident(pid: int | None) -> int:
    """Bytes that a process and its children hold in memory; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    own = next((line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")), "0")
    return int(own) * 1024 + sum(resident(int(each)) for each in children)


def _free() -> int | None:
    """Bytes that are free now, within the limit of the container; None where that is not told."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    told = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    free = told["MemAvailable"] * 1024
    group = Path("/sys/fs/cgroup")
    try:
        most = (group / "memory.max").read_text(encoding="ascii").strip()
        if most != "max":
            taken = int((group / "memory.current").read_text(encoding="ascii"))
            free = min(free, int(most) - taken)
    except (OSError, ValueError):
        pass
    return int(SHARE * free)
