"""Timing that can be trusted: warm up until it is steady, then report the spread, not only a mean.

Nothing here knows what is timed. A step is any function that returns once its work is done, which
on a device means that it read a number which depends on the result.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

Clock = Callable[[], float]

# A percentile is told only when a sample this much larger than the tail would have missed the
# tail once in 770 times: 64 steps for p90, 130 for p95, 662 for p99.
MISS = 0.0013


class Phases:
    """Seconds that each named phase of the work took.

    Args:
        clock: Gives seconds; only differences matter.
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self.clock = clock

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what runs inside the `with` block under `name`; a second block adds to the first."""
        started = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self.clock() - started


def samples_for(quantile: float) -> int:
    """How many samples a percentile needs before it says anything about the tail.

    Args:
        quantile: 0..1, e.g. 0.99.

    Returns:
        The smallest n at which all n samples fall below the true quantile less than 0.13 % of
        the time.
    """
    return 1 if quantile <= 0.5 else math.ceil(math.log(MISS) / math.log(quantile))


def summarize(seconds: Sequence[float]) -> dict[str, Any]:
    """Median, spread and tail of repeated timings.

    Args:
        seconds: One duration per step, at least one.

    Returns:
        `n`, `p50`, `mad` (median distance from the median), `p90`, `p95`, `p99`, `max`, `mean`,
        in seconds. A percentile that `n` samples cannot support is None.
    """
    values = np.asarray(seconds, dtype="float64")
    median = float(np.median(values))
    summary: dict[str, Any] = {
        "n": len(values),
        "mean": float(values.mean()),
        "p50": median,
        "mad": float(np.median(np.abs(values - median))),
    }
    for percent in (90, 95, 99):
        told = len(values) >= samples_for(percent / 100)
        summary[f"p{percent}"] = float(np.percentile(values, percent)) if told else None
    summary["max"] = float(values.max())
    return summary


def is_steady(seconds: Sequence[float], window: int = 5, limit: float = 0.03) -> bool:
    """Whether the last `window` durations differ by less than `limit`, as a share of their mean.

    Args:
        seconds: Durations so far, oldest first.
        window: How many of the newest count.
        limit: Largest coefficient of variation that is called steady.
    """
    if len(seconds) < window:
        return False
    newest = np.asarray(seconds[-window:], dtype="float64")
    return bool(newest.std() <= limit * newest.mean())


def warm_up(
    step: Callable[[], object],
    *,
    seconds: float,
    at_least: int = 10,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """Run steps until their durations are steady, or time is up.

    Args:
        step: Returns when its work is done.
        seconds: When to give up waiting for steadiness; `at_least` steps run all the same.
        at_least: Steps that run in any case.
        clock: Gives seconds.

    Returns:
        `steps`, `seconds`, and whether the steps became `steady`.
    """
    durations: list[float] = []
    started = clock()
    while True:
        durations.append(_timed(step, clock))
        elapsed = clock() - started
        steady = is_steady(durations)
        if len(durations) >= at_least and (steady or elapsed >= seconds):
            return {"steps": len(durations), "seconds": elapsed, "steady": steady}


def repeat(
    step: Callable[[], object],
    *,
    seconds: float,
    at_least: int = 10,
    clock: Clock = time.perf_counter,
) -> list[float]:
    """Durations of steps run one after another for `seconds`, and `at_least` so many.

    Args:
        step: Returns when its work is done.
        seconds: How long to go on.
        at_least: Steps that run in any case.
        clock: Gives seconds.
    """
    durations: list[float] = []
    started = clock()
    while len(durations) < at_least or clock() - started < seconds:
        durations.append(_timed(step, clock))
    return durations


def _timed(step: Callable[[], object], clock: Clock) -> float:
    started = clock()
    step()
    return clock() - started
