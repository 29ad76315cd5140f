from __future__ import annotations

import numpy as np
import pytest

from zoo.engine.timing import Phases, is_steady, repeat, samples_for, summarize, warm_up


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


def test_repeat_goes_on_for_the_time_and_for_the_least_count():
    clock = Clock()
    assert repeat(clock.step(0.5), seconds=10, clock=clock) == [0.5] * 20
    assert repeat(clock.step(60.0), seconds=10, at_least=3, clock=clock) == [60.0] * 3
