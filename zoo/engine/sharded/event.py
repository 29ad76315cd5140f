"""What an engine hears of its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Event:
    """Something that a worker said, or that happened to it.

    Args:
        worker: Which one.
        kind: "ready", "at" or what `Worker.work` answers with: "done", "failed", "full",
            "problem"; or "died".
        value: What goes with it.
    """

    worker: int
    kind: str
    value: Any = None


class Engine(Protocol):
    """Runs workers somewhere. A worker's number is never used twice."""

    def start(self, worker: int, seat: int) -> None:
        """Start a worker, which will be "ready"; no two that live have the same seat."""

    def give(self, worker: int, order: Mapping[str, Any]) -> None:
        """Give a worker that is free the arguments of `Worker.work`."""

    def next(self, timeout: float) -> Event | None:
        """Wait for something to happen; None if nothing does for so many seconds."""

    def stop(self) -> None:
        """End all workers at once."""
