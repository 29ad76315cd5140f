"""Timing that can be trusted: warm up until it is steady, then report the spread, not only a mean.

Nothing here knows what is timed. A step is any function that returns once its work is done, which
on a device means that it read a number which depends on the result. Whether it keeps that promise
is seen from the wait for the device after the last step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

Clock = Callable[[], float]

# A percentile is told only when a sample this much larger than the tail would have missed the
# tail once in 770 times: 64 steps for p90, 130 for p95, 662 for p99.
MISS = 0.0013

PATIENCE = 10.0
"""Seconds beyond those asked for after which slow steps need no longer be ten."""


class Phases:
    """Seconds that each named phase of the work took.

    Args:
        clock: Gives seconds; only differences matter.
        seconds: Phases that were timed before.
    """

    def __init__(
        self, clock: Clock = time.perf_counter, seconds: dict[str, float] | None = None
    ) -> None:
        self.seconds = dict(seconds or {})
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
        `n`, `p50`, `mad` (median distance from the median), `low` and `high` (the 95 % interval of
        the median), `p90`, `p95`, `p99`, `max`, `mean`, `quantiles` at 0, 5 ... 100 %, in seconds.
        A percentile or interval that `n` samples cannot support is None.
    """
    values = np.asarray(seconds, dtype="float64")
    median = float(np.median(values))
    summary: dict[str, Any] = {
        "n": len(values),
        "mean": float(values.mean()),
        "p50": median,
        "mad": float(np.median(np.abs(values - median))),
    }
    summary["low"], summary["high"] = median_interval(values)
    for percent in (90, 95, 99):
        told = len(values) >= samples_for(percent / 100)
        summary[f"p{percent}"] = float(np.percentile(values, percent)) if told else None
    summary["max"] = float(values.max())
    summary["quantiles"] = np.percentile(values, range(0, 101, 5)).tolist()
    return summary


def median_interval(seconds: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of the median: two of the sorted values, whatever their distribution.

    The median lies between the k-th smallest and the k-th largest of n values unless fewer than k
    of them fall on one side of it, which is a matter of n throws of a coin; k is
    (n - 1.96 sqrt(n)) / 2, rounded down.

    Args:
        seconds: Durations in any order.

    Returns:
        Lower and upper end; None for fewer than 6 values, whose extremes do not reach 95 %.
    """
    n = len(seconds)
    if n < 6:
        return None, None
    k = max(1, math.floor((n - 1.96 * math.sqrt(n)) / 2))
    ordered = np.sort(np.asarray(seconds, dtype="float64"))
    return float(ordered[k - 1]), float(ordered[n - k])


def drift(seconds: Sequence[float]) -> float:
    """How much slower the last tenth of steps is than the first, as a share of the first.

    Args:
        seconds: Durations, oldest first; tenths have at least five of them, or 0 is told.
    """
    tenth = len(seconds) // 10
    if tenth < 5:
        return 0.0
    return float(np.median(seconds[-tenth:]) / np.median(seconds[:tenth]) - 1)


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
        at_least: Steps that run in any case, unless they are so slow that patience ends.
        clock: Gives seconds.

    Returns:
        `steps`, `seconds`, and whether the steps became `steady`; None where they were too few
        to say.
    """
    durations: list[float] = []
    started = clock()
    while True:
        durations.append(_timed(step, clock))
        elapsed = clock() - started
        steady = is_steady(durations)
        if len(durations) >= at_least and (steady or elapsed >= seconds):
            return {"steps": len(durations), "seconds": elapsed, "steady": steady}
        if len(durations) >= 3 and elapsed >= seconds + PATIENCE:
            told = steady if len(durations) >= 5 else None
            return {"steps": len(durations), "seconds": elapsed, "steady": told}


@dataclass(frozen=True)
class Timed:
    """Steps that were timed one by one.

    Args:
        durations: Seconds of each, oldest first.
        wall: Seconds from the first step until the device had nothing left to do.
    """

    durations: tuple[float, ...]
    wall: float

    @property
    def lost(self) -> float:
        """Share of the wall time that the durations do not account for.

        Steps that return before their work is done leave it to the end, where it is waited for.
        """
        return max(0.0, 1 - sum(self.durations) / self.wall) if self.wall > 0 else 0.0


def repeat(
    step: Callable[[], object],
    *,
    seconds: float,
    at_least: int = 10,
    drain: Callable[[], object] = lambda: None,
    clock: Clock = time.perf_counter,
) -> Timed:
    """Time steps run one after another for `seconds`, and `at_least` so many.

    Args:
        step: Returns when its work is done.
        seconds: How long to go on.
        at_least: Steps that run in any case, unless they are so slow that patience ends; six do.
        drain: Waits until the device has nothing left to do.
        clock: Gives seconds.
    """
    durations: list[float] = []
    started = ended = clock()
    while ended - started < seconds or len(durations) < at_least:
        if len(durations) >= 6 and ended - started >= seconds + PATIENCE:
            break
        begun = clock()
        step()
        ended = clock()
        durations.append(ended - begun)
    drain()
    return Timed(tuple(durations), clock() - started)


def windows(
    launch: Callable[[], Any],
    wait: Callable[[Any], object],
    *,
    step_seconds: float,
    seconds: float,
    window: float = 0.1,
    at_least: int = 10,
    clock: Clock = time.perf_counter,
) -> list[float]:
    """Seconds a step takes where only the last of several is waited for.

    A device works on while Python prepares the next step; waiting for each would count that time.

    Args:
        launch: Starts a step and returns its result, which need not be ready.
        wait: Returns when a result, and so every one before it, is ready.
        step_seconds: About how long a step takes.
        seconds: How long to go on.
        window: About how long a window is.
        at_least: Windows that run in any case.
        clock: Gives seconds.

    Returns:
        For each window its duration divided by its steps.
    """
    steps = max(1, round(window / step_seconds)) if step_seconds > 0 else 1
    shares: list[float] = []
    started = ended = clock()
    while len(shares) < at_least or ended - started < seconds:
        begun = clock()
        for _ in range(steps):
            result = launch()
        wait(result)
        ended = clock()
        shares.append((ended - begun) / steps)
    return shares


def _timed(step: Callable[[], object], clock: Clock) -> float:
    started = clock()
    step()
    return clock() - started
