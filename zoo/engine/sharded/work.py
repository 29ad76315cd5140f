"""A job ready to be done: what decides it, its shards, and what is done to their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.engine.sharded.cut import Cut
from zoo.engine.sharded.job import Job


@dataclass(frozen=True)
class Work:
    """A job and the way to do it.

    Args:
        job: What decides the result.
        cut: The shards.
        rows: Gives the rows of some places, each a list of plain data that begins with its name.
        task: The target that makes a `worker.Task`, "package.module:function".
        options: What that takes, as plain data.
        model: A `.keras` file for every worker, which it takes as the option `model`.
        cores: Cores of its own that a worker needs; None for one thread on any.
        device: Where it calculates; with "gpu" or "gpu:N" it needs a GPU of its own.
        before: Lines of shards that are done already, by number.
        sound: Whether what the lines of a part tell of is there, where that is not all in them.
    """

    job: Job
    cut: Cut
    rows: Callable[[range], Sequence[list[Any]]]
    task: str
    options: Mapping[str, Any]
    model: Path | None = None
    cores: int | None = None
    device: str | None = None
    before: Mapping[int, list[Any]] = field(default_factory=dict)
    sound: Callable[[list[Any]], bool] = lambda lines: True
