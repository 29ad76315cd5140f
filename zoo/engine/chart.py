"""Line charts as geometry: what an inline SVG needs, computed without drawing library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 26, 28


@dataclass(frozen=True)
class Line:
    """One series: its name, its unbroken stretches, and where it ends."""

    name: str
    stretches: tuple[str, ...]
    end: tuple[float, float] | None
    last: str


@dataclass(frozen=True)
class Mark:
    """A labelled place on an axis, in SVG units."""

    at: float
    label: str


@dataclass(frozen=True)
class Band:
    """A labelled stretch of the horizontal axis, in SVG units."""

    start: float
    width: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A drawn chart but for its ink: lines, grid and bands in SVG units."""

    title: str
    lines: tuple[Line, ...]
    rows: tuple[Mark, ...]
    columns: tuple[Mark, ...]
    bands: tuple[Band, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def draw(
    title: str, series: dict[str, Sequence[float | None]], phases: Sequence[str]
) -> Chart | None:
    """Lay out one chart over epochs.

    Args:
        title: What the vertical axis shows.
        series: Values per epoch by name; None and NaN leave a gap.
        phases: The training phase of each epoch; neighbours of one phase share a band.

    Returns:
        The chart, or None if there is no finite value to show.
    """
    finite = [v for values in series.values() for v in values if _is_number(v)]
    if not finite:
        return None
    marks = ticks(min(finite), max(finite))
    low, high = min(marks[0], *finite), max(marks[-1], *finite)
    count = len(phases)

    def x(index: float) -> float:
        inner = WIDTH - LEFT - RIGHT
        return round(LEFT + inner * (index + 0.5) / count, 2)

    def y(value: float) -> float:
        inner = HEIGHT - TOP - BOTTOM
        return round(TOP + inner * (high - value) / (high - low), 2)

    return Chart(
        title=title,
        lines=tuple(_line(name, values, x, y) for name, values in series.items()),
        rows=tuple(Mark(y(value), format(value, ".6g")) for value in marks),
        columns=tuple(Mark(x(i), str(i + 1)) for i in _epochs_to_label(count)),
        bands=tuple(
            Band(x(start - 0.5), round(x(stop - 0.5) - x(start - 0.5), 2), phase)
            for phase, start, stop in _stretches(phases)
        ),
    )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values that span low..high, in steps of 1, 2 or 5 times a power of ten.

    Args:
        low: Smallest value shown.
        high: Largest value shown; equal to `low` gives a span around it.
        about: How many steps to aim for.
    """
    if high <= low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * n, 12) for n in range(first, last + 1)]


def _line(name: str, values: Sequence[float | None], x, y) -> Line:  # type: ignore[no-untyped-def]
    stretches: list[list[str]] = [[]]
    end, last = None, ""
    for index, value in enumerate(values):
        if not _is_number(value):
            stretches.append([])
            continue
        end, last = (x(index), y(value)), format(value, "#.4g")
        stretches[-1].append(f"{end[0]},{end[1]}")
    return Line(name, tuple(" ".join(points) for points in stretches if points), end, last)


def _stretches(phases: Sequence[str]) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for index, phase in enumerate(phases):
        if found and found[-1][0] == phase:
            found[-1] = (phase, found[-1][1], index + 1)
        else:
            found.append((phase, index, index + 1))
    return found


def _epochs_to_label(count: int) -> list[int]:
    step = max(1, math.ceil(count / 10))
    return list(range(step - 1, count, step))


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
