"""The one module that prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import io
import json
import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import click

from zoo.errors import ZooError

SHOWN = 8
"""Workers whose rates are told one by one."""


def document(facts: Any, render: Callable[[Any], str]) -> None:
    """End a command: print its result.

    Args:
        facts: Plain data, printed as one JSON document under `--json`.
        render: Turns the same data into text for a person.
    """
    if wants_json():
        text = json.dumps(_finite(facts), indent=2, ensure_ascii=False, default=str)
    else:
        text = render(facts)
    print(text)


def _finite(facts: Any) -> Any:
    """The same data with null for what JSON has no word for: NaN and the infinities."""
    if isinstance(facts, float):
        return facts if math.isfinite(facts) else None
    if isinstance(facts, Mapping):
        return {str(key): _finite(value) for key, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [_finite(value) for value in facts]
    return facts


def wants_json() -> bool:
    """Whether the running command was called with `--json`."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get("zoo.json"))


def note(text: str) -> None:
    """Tell the user something that is not the result."""
    print(text, file=sys.stderr)


def error(problem: ZooError) -> None:
    """Print an error of the family: what was wrong, and what to do."""
    note(f"error: {problem}")


class Move(Protocol):
    """Moves a bar to what is done of all there is, and says something beside it."""

    def __call__(self, done: int, total: int, said: str = "") -> None:
        """Move it."""


@contextmanager
def progress(label: str) -> Iterator[Move]:
    """A bar on stderr, only where somebody sees it move.

    Args:
        label: What is going on.

    Yields:
        A function to call with what is done and what there is in all.
    """
    if not sys.stderr.isatty():
        yield lambda done, total, said="": None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)

        def move(done: int, total: int, said: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{label}  {said}".rstrip())

        yield move


@contextmanager
def rates(
    label: str, unit: str = "pictures"
) -> Iterator[Callable[[int, int, Sequence[float]], None]]:
    """A bar for work that several do, with the rate of each; at the end a line that tells it.

    Args:
        label: What is going on.
        unit: What is counted.

    Yields:
        A function to call with what is done, what there is in all, and each one's rate a second.
    """
    last: list[float] = []
    with progress(label) as bar:

        def move(done: int, total: int, rates: Sequence[float]) -> None:
            last[:] = rates
            bar(done, total, _rates(rates))

        yield move
    if any(last):
        who = "1 worker" if len(last) == 1 else f"{len(last)} workers"
        idle = sum(not rate for rate in last)
        rest = f", {idle} without work" if idle else ""
        note(f"{who}: {_rates([rate for rate in last if rate])} {unit}/s{rest}")


def _rates(rates: Sequence[float]) -> str:
    """The rate of each, or of many the sum and the ends."""
    if len(rates) <= SHOWN:
        return " + ".join(map(_rate, rates))
    return f"{_rate(sum(rates))} ({_rate(min(rates))} to {_rate(max(rates))} each)"


def _rate(rate: float) -> str:
    return f"{rate:,.1f}" if rate >= 1 or not rate else f"{rate:.2g}"


def table(rows: Sequence[Sequence[Any]], header: Sequence[str], right: Sequence[int] = ()) -> str:
    """Text in aligned columns.

    Args:
        rows: Cells; numbers and texts.
        header: Titles of the columns.
        right: Indices of the columns that are aligned to the right.
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    last = len(header) - 1
    lines = []
    for row in cells:
        aligned = [
            cell.rjust(width) if i in right else cell if i == last else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def pairs(facts: Mapping[str, Any]) -> str:
    """Text of names and values, one a line, names aligned; None is left out."""
    shown = {name: value for name, value in facts.items() if value is not None}
    width = max((len(name) for name in shown), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in shown.items())


class WarningsToStderr(logging.Handler):
    """Shows what zoo and its plugins log, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        note(f"{record.levelname.lower()}: {record.getMessage()}")


def listen(logger: str = "zoo") -> None:
    """Let what the library logs reach the user's stderr, and any file name be printed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name need not be text; one that is not is shown escaped.
            stream.reconfigure(errors="backslashreplace")
    log = logging.getLogger(logger)
    if not any(isinstance(handler, WarningsToStderr) for handler in log.handlers):
        log.addHandler(WarningsToStderr())
        log.propagate = False
