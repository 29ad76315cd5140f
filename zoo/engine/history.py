"""history.csv: a row for each epoch, written as it ends."""

from __future__ import annotations

import csv
import os
import time
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.engine.rate import Rate
    from zoo.recipe import Phase

COLUMNS = (
    "phase", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds",
)  # fmt: skip
"""The columns of history.csv."""


class Rows(keras.callbacks.Callback):
    """Writes each epoch of a phase to history.csv as it ends.

    Args:
        phase: The phase.
        path: The file.
        rate: Tells the rate of the epoch's last step.
    """

    def __init__(self, phase: Phase, path: Path, rate: Rate) -> None:
        super().__init__()
        self._phase = phase
        self._path = path
        self._rate = rate
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the time."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the row."""
        row = {
            "phase": self._phase.name,
            "epoch": epoch + 1,
            **{name: f"{float(value):.6g}" for name, value in (logs or {}).items()},
            "learning_rate": f"{self._rate.current:.6g}",
            "seconds": f"{time.perf_counter() - self._started:.3f}",
        }
        new = not size(self._path)
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow(row)


def size(path: Path) -> int:
    """Bytes of the file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def cut(path: Path, length: int) -> None:
    """Take away what was written after a checkpoint: those epochs are trained again."""
    if path.exists():
        os.truncate(path, length)
