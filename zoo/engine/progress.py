"""A training as its user sees it: a bar while an epoch runs, one line for each that is done."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.recipe import Phase

REDRAW_SECONDS = 0.2
"""Reading the loss waits for the device, so the bar reads it this rarely."""


class Screen:
    """Standard error: notes and lines; a bar only where somebody sees it move.

    Args:
        quiet: Show nothing at all.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """Write one line."""
        self._console.print(text, markup=False)

    def note(self, text: str) -> None:
        """Tell what was decided without being asked for."""
        self.line(f"note: {text}")

    @contextmanager
    def bar(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """Show something that goes before a phase, where somebody sees it move.

        Args:
            label: What is going on.

        Yields:
            A function to call with what is done and what there is in all.
        """
        if not self._console.is_terminal or self._console.quiet:
            yield lambda done, total: None
            return
        with Progress(console=self._console, transient=True) as bar:
            task = bar.add_task(label)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def phase(self, phase: Phase, pictures: int, first_epoch: int) -> Iterator[PhaseProgress]:
        """Show a phase for as long as it runs.

        Args:
            phase: The phase about to start.
            pictures: Training pictures in an epoch.
            first_epoch: Epochs that earlier phases took.

        Yields:
            The callback for Keras. Keras tells callbacks of no error, hence the context.
        """
        progress = PhaseProgress(self._console, phase, pictures, first_epoch)
        try:
            yield progress
        finally:
            progress.close()


class PhaseProgress(keras.callbacks.Callback):
    """Shows loss, accuracy, throughput and remaining time of each epoch of a phase."""

    def __init__(self, console: Console, phase: Phase, pictures: int, first_epoch: int) -> None:
        super().__init__()
        self._console = console
        self._phase = phase
        self._pictures = pictures
        self._first = first_epoch
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._started = self._drawn = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Open the bar."""
        self._started = self._drawn = time.perf_counter()
        if not self._console.is_terminal or self._console.quiet:
            return
        self._bar = Progress(
            TextColumn(self._title(epoch)),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[said]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=self._pictures, said="")
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar on."""
        now = time.perf_counter()
        if self._bar is None or now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        done = min((batch + 1) * self._phase.batch_size, self._pictures)
        speed = done / (now - self._started)
        said = f"{_figures(logs or {}, ('loss', 'accuracy'))}  {speed:,.0f} pictures/s"
        self._bar.update(self._task, completed=done, said=said)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Close the bar and write the epoch's line."""
        self.close()
        seconds = time.perf_counter() - self._started
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        figures = _figures(logs or {}, names)
        self._console.print(f"{self._title(epoch)}  {figures}  {seconds:.1f} s", markup=False)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Say what the time goes into once the training pictures are through."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._pictures, said="validating")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _title(self, epoch: int) -> str:
        width = len(str(self._phase.epochs))
        return f"{self._phase.name} {epoch - self._first + 1:{width}}/{self._phase.epochs}"


def _figures(logs: dict[str, Any], names: tuple[str, ...]) -> str:
    return "  ".join(f"{name} {float(logs[name]):.4f}" for name in names if name in logs)
