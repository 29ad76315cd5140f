from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from math import comb

import numpy as np
import pytest

from zoo.engine.timing import (
    Phases,
    drift,
    is_steady,
    median_interval,
    repeat,
    samples_for,
    summarize,
    warm_up,
    windows,
)


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def step(self, *durations: float):
        """A step that lasts each duration in turn, and the last one for ever."""
        remaining = list(durations)

        def run() -> None:
            self.now += remaining.pop(0) if len(remaining) > 1 else remaining[0]

        return run


def test_phases_are_timed_apart_and_repeats_add_up():
    clock = Clock()
    phases = Phases(clock)
    with phases.phase("build"):
        clock.now += 2.0
    clock.now += 50.0
    with phases.phase("trace"):
        clock.now += 0.5
    with phases.phase("build"):
        clock.now += 1.0

    assert phases.seconds == {"build": 3.0, "trace": 0.5}


def test_a_phase_that_raises_is_still_timed():
    clock = Clock()
    phases = Phases(clock)

    def fails() -> None:
        clock.now += 2.0
        raise KeyError

    with pytest.raises(KeyError), phases.phase("build"):
        fails()

    assert phases.seconds == {"build": 2.0}


def test_summary_of_a_known_sample():
    # 1..1001: percentile p of the linear rule is 1 + 10 p.
    values = np.random.default_rng(0).permutation(np.arange(1.0, 1002.0))
    summary = summarize(values)

    assert summary.pop("quantiles") == pytest.approx([1.0 + 50 * n for n in range(21)])
    # (1001 - 1.96 x 31.64) / 2 = 469.5: the 469th smallest and largest of 1..1001.
    assert (summary.pop("low"), summary.pop("high")) == (469.0, 533.0)
    assert summary == pytest.approx(
        {
            "n": 1001,
            "mean": 501.0,
            "p50": 501.0,
            "mad": 250.0,
            "p90": 901.0,
            "p95": 951.0,
            "p99": 991.0,
            "max": 1001.0,
        }
    )


def test_one_outlier_moves_neither_median_nor_mad():
    calm = [1.0, 1.1, 0.9, 1.0, 1.2, 0.8, 1.0]
    summary = summarize([*calm[:-1], 1000.0])

    assert summary["p50"] == 1.0
    assert summary["mad"] == pytest.approx(0.1)
    assert summary["max"] == 1000.0


def test_percentiles_that_the_sample_cannot_support_are_not_told():
    assert [samples_for(q) for q in (0.5, 0.9, 0.95, 0.99)] == [1, 64, 130, 662]
    assert 0.9**64 < 0.0013 < 0.9**63

    summary = summarize([1.0] * 64)
    assert summary["p90"] == 1.0
    assert summary["p95"] is None
    assert summary["p99"] is None


def test_steady_means_a_small_spread_of_the_newest():
    assert not is_steady([1.0] * 4)
    assert is_steady([9.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    # Standard deviation 0.04 around 1: above 3 % and below 5 %.
    wobbly = [0.96, 1.04, 1.0, 0.96, 1.04]
    assert float(np.std(wobbly)) == pytest.approx(0.0358, abs=1e-4)
    assert not is_steady(wobbly)
    assert is_steady(wobbly, limit=0.05)


def test_warm_up_ends_when_the_steps_are_steady():
    clock = Clock()
    step = clock.step(5.0, 3.0, 2.0, *[1.0 + 0.2 * (n % 2) for n in range(9)], 1.0)

    # Three slow steps and nine uneven ones; the last of those and four more are even.
    assert warm_up(step, seconds=1000, clock=clock) == pytest.approx(
        {"steps": 16, "seconds": 10.0 + 9.8 + 4.0, "steady": True}
    )


def test_warm_up_gives_up_when_time_is_up_and_says_so():
    clock = Clock()
    step = clock.step(*[1.0, 2.0] * 40)

    assert warm_up(step, seconds=20, clock=clock) == {"steps": 14, "seconds": 21.0, "steady": False}


def test_warm_up_is_not_told_steady_by_too_few_steps():
    clock = Clock()
    told = warm_up(clock.step(10.0), seconds=3, clock=clock)

    assert told == {"steps": 3, "seconds": 30.0, "steady": None}


def test_repeat_goes_on_for_the_time_and_for_the_least_count():
    clock = Clock()
    assert repeat(clock.step(0.5), seconds=10, clock=clock).durations == (0.5,) * 20
    assert repeat(clock.step(0.5), seconds=0, at_least=3, clock=clock).durations == (0.5,) * 3
    # Six steps suffice once patience has ended.
    assert repeat(clock.step(60.0), seconds=10, clock=clock).durations == (60.0,) * 6


def test_steps_that_are_waited_for_lose_no_time():
    clock = Clock()
    assert repeat(clock.step(0.5), seconds=10, clock=clock).lost == pytest.approx(0.0)


def test_a_step_that_does_not_wait_for_the_device_is_caught():
    clock = Clock()
    queued = []

    def launch_only() -> None:
        queued.append(0.5)  # half a second of work for the device
        clock.now += 0.01

    def drain() -> None:
        clock.now += sum(queued)

    timed = repeat(launch_only, seconds=1, drain=drain, clock=clock)

    assert len(timed.durations) == len(queued)
    assert summarize(timed.durations)["p50"] == pytest.approx(0.01)
    assert timed.lost == pytest.approx(0.5 / 0.51)


def test_a_thread_that_works_on_is_caught_by_a_real_clock():
    with ThreadPoolExecutor(1) as device:
        work = []
        timed = repeat(
            lambda: work.append(device.submit(time.sleep, 0.01)),
            seconds=0,
            drain=lambda: [each.result() for each in work],
        )
        waited = repeat(lambda: device.submit(time.sleep, 0.01).result(), seconds=0)

    assert timed.lost > 0.5
    assert waited.lost < 0.2


def test_windows_wait_for_their_last_step_only():
    clock = Clock()
    waited = []

    def launch() -> int:
        clock.now += 0.01
        return len(waited)

    def wait(result: int) -> None:
        waited.append(result)
        clock.now += 0.05

    shares = windows(launch, wait, step_seconds=0.02, seconds=0.45, window=0.1, clock=clock)

    # Five steps of 0.01 and one wait of 0.05 are 0.1 for five steps.
    assert shares == pytest.approx([0.02] * 10)
    assert len(waited) == 10


def test_the_interval_of_a_median_covers_it_at_95_percent():
    # k values or more on each side are a matter of n throws of a coin.
    for n in range(6, 300):
        low, high = median_interval(range(1, n + 1))
        assert high == n + 1 - low
        missed = 2 * sum(comb(n, i) for i in range(int(low))) / 2**n
        assert missed <= 0.05


def test_the_interval_of_a_median_from_samples_whose_median_is_known():
    chance = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        low, high = median_interval(chance.exponential(size=40))
        inside += low <= np.log(2) <= high
    assert 940 <= inside <= 1000


def test_few_values_have_no_interval():
    assert median_interval([1.0] * 5) == (None, None)
    assert median_interval([3.0, 1.0, 2.0, 6.0, 5.0, 4.0]) == (1.0, 6.0)


def test_drift_is_the_last_tenth_over_the_first():
    assert drift(np.linspace(1.0, 2.0, 101)) == pytest.approx(1.955 / 1.045 - 1)
    assert drift([1.0] * 50 + [1.1] * 50) == pytest.approx(0.1)
    assert drift([1.0] * 25 + [9.0] * 24) == 0.0  # tenths of four say nothing
