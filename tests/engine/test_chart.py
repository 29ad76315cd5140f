from __future__ import annotations

import math

import pytest

from zoo.engine.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0, 0.8, [0.0, 0.2, 0.4, 0.6, 0.8]),
        (0.91, 0.99, [0.9, 0.92, 0.94, 0.96, 0.98, 1.0]),
        (3.0, 41.0, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),
        (2.0, 2.0, [1.8, 1.9, 2.0, 2.1, 2.2]),
    ],
)
def test_ticks_are_round_and_span_the_values(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_points_lie_where_the_values_say():
    chart = draw("loss", {"training": [4.0, 2.0, 0.0], "validation": [4.0, 3.0, 1.0]}, ["a"] * 3)

    step = (WIDTH - LEFT - RIGHT) / 3
    middle = (TOP + HEIGHT - BOTTOM) / 2
    xs = [round(LEFT + step * (n + 0.5), 2) for n in range(3)]
    training, validation = chart.lines
    assert training.stretches == (
        f"{xs[0]},{TOP:.1f} {xs[1]},{middle} {xs[2]},{HEIGHT - BOTTOM:.1f}",
    )
    assert training.end == (xs[2], HEIGHT - BOTTOM)
    assert validation.last == "1.000"
    assert [mark.label for mark in chart.rows] == ["0", "1", "2", "3", "4"]
    assert [mark.label for mark in chart.columns] == ["1", "2", "3"]


def test_each_phase_is_one_band_and_bands_tile_the_axis():
    chart = draw("loss", {"training": [3.0, 2.0, 1.0]}, ["head", "head", "finetune"])

    head, finetune = chart.bands
    assert (head.label, finetune.label) == ("head", "finetune")
    assert head.start == LEFT
    assert head.start + head.width == pytest.approx(finetune.start, abs=0.02)
    assert finetune.start + finetune.width == pytest.approx(WIDTH - RIGHT, abs=0.02)


def test_a_value_that_is_not_a_number_leaves_a_gap():
    chart = draw("loss", {"training": [3.0, math.nan, 2.0, 1.0, None]}, ["a"] * 5)

    (line,) = chart.lines
    assert [stretch.count(",") for stretch in line.stretches] == [1, 2]
    assert line.last == "1.000"


def test_nothing_to_show_is_no_chart():
    assert draw("loss", {"training": [None, math.nan]}, ["a", "a"]) is None
