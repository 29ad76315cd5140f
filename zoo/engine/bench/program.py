"""What is timed: a program is a model's step compiled for one batch, a work is that with input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from zoo.benchmark.document import Agreement, ModelFacts


@dataclass(frozen=True)
class Program:
    """A step of a model, compiled for one batch size on one backend.

    Args:
        launch: Starts a step on (pictures, labels) that `put` gave; its result need not be ready.
        wait: Reads a number that depends on all of a result.
        put: Copies an array from the host to the device.
        drain: Waits until the device has nothing left to do.
        asynchronous: Whether `launch` returns before the work is done.
        answer: A result's probabilities on the host, [N, classes]; None for training.
        settings: What was resolved.
    """

    launch: Callable[[Any, Any], Any]
    wait: Callable[[Any], float]
    put: Callable[[np.ndarray], Any]
    drain: Callable[[], None]
    asynchronous: bool
    answer: Callable[[Any], np.ndarray] | None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """A step with everything that it needs: what `measure` repeats.

    Args:
        launch: Starts a step; its result need not be ready.
        count: How many of the case's unit a step handles.
        wait: Reads a number that depends on all of a result.
        drain: Waits until the device has nothing left to do.
        asynchronous: Whether `launch` returns before the work is done.
        gflop: Operations of a step, 1e9, where they are known.
        model: Facts of the model, if there is one.
        settings: What was resolved.
        agreement: The correctness guard, called after the measurement.
        source: Gives the next input and runs nothing on it, where that is worth timing alone.
        resident: The same step on input that stays on the device, to be told apart from `source`.
        device_memory: Peak bytes of the device, where it tells.
        figures: Further figures, called after the measurement.
        repeats: Whether a step can be repeated at all; an export is done once a run.
    """

    launch: Callable[[], Any]
    count: int
    wait: Callable[[Any], Any] = lambda result: result
    drain: Callable[[], None] = lambda: None
    asynchronous: bool = False
    gflop: float | None = None
    model: ModelFacts | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    agreement: Callable[[], Agreement | None] = lambda: None
    source: Callable[[], Any] | None = None
    resident: Callable[[], Any] | None = None
    device_memory: Callable[[], int | None] = lambda: None
    figures: Callable[[], dict[str, float]] = dict
    repeats: bool = True

    def step(self) -> Any:
        """Run one step to its end."""
        return self.wait(self.launch())
