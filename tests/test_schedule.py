from __future__ import annotations

import math

import pytest

from zoo import schedule


def at(kind, *points: float) -> list[float]:
    return [kind.factor(point) for point in points]


def test_constant_warms_up_in_a_straight_line():
    assert at(schedule.Constant(), 0, 0.5, 1) == [1, 1, 1]
    warm = schedule.Constant(warmup=0.5)
    assert at(warm, 0.125, 0.25, 0.5, 0.9) == [0.25, 0.5, 1, 1]
    assert warm.factor(0) == pytest.approx(1e-3)  # a step at rate 0 would be lost


def test_cosine_falls_to_its_floor():
    assert at(schedule.Cosine(), 0, 0.5, 1) == pytest.approx([1, 0.5, 0], abs=1e-12)
    kind = schedule.Cosine(warmup=0.2, floor=0.1)
    expected = [0.5, 1, 0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2, 0.1]
    assert at(kind, 0.1, 0.2, 0.4, 1) == pytest.approx(expected)


def test_one_cycle_is_that_of_fastai():
    """combined_cos(0.3, lr / 5, lr, lr / 1e5), written out."""

    def cosine(start: float, end: float, done: float) -> float:
        return start + (1 + math.cos(math.pi * (1 - done))) * (end - start) / 2

    kind = schedule.OneCycle(rise=0.3, start=0.2)
    for point in (0, 0.1, 0.29, 0.3, 0.5, 1):
        rises = point < 0.3
        fastai = cosine(0.2, 1, point / 0.3) if rises else cosine(1, 1e-5, (point - 0.3) / 0.7)
        assert kind.factor(point) == pytest.approx(fastai)


def test_steps_are_those_of_bit():
    kind = schedule.Step(warmup=0.2, at=(0.4, 0.6, 0.8), by=0.1)
    found = at(kind, 50 / 500, 100 / 500, 200 / 500, 300 / 500, 400 / 500, 499 / 500)
    assert found == pytest.approx([0.5, 1, 0.1, 0.01, 0.001, 0.001])


def test_a_plateau_is_decided_by_losses():
    assert at(schedule.Plateau(), 0, 1) == [1, 1]
