"""Plots as inline SVG: lines and points on linear or logarithmic axes, without a library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import cycle

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 44
COLOURS = ("#0b66c2", "#b3560a", "#2a7d46", "#8a3ab9", "#b4232f", "#5a6472", "#00818a", "#9a7d00")

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points of one name, joined or not.

    Args:
        name: Shown in the legend.
        points: (x, y), in order.
        joined: Draw the line between them.
        dashed: Draw that line dashed, as a limit is.
    """

    name: str
    points: tuple[Point, ...]
    joined: bool = True
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """One axis.

    Args:
        title: What it shows, with its unit.
        low: Smallest value.
        high: Largest value.
        base: 2 or 10 for a logarithmic axis, 0 for a linear one.
    """

    title: str
    low: float
    high: float
    base: int = 0

    def share(self, value: float) -> float:
        """Where a value lies, 0..1 from the low end."""
        low, high, at = self.low, self.high, value
        if self.base:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return (at - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[float]:
        """Round values along the axis."""
        if self.base == 2:
            return [2.0**n for n in range(*_powers(self, 2))]
        if self.base == 10:
            decades = [10.0**n for n in range(*_powers(self, 10))]
            if len(decades) > 2:
                return decades
            steps = [m * 10.0**n for n in range(-9, 13) for m in (1, 2, 5)]
            return [step for step in steps if self.low <= step <= self.high]
        rough = (self.high - self.low) / 5 or 1.0
        power = 10 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(step * n, 12) for n in range(first, last + 1)]


def axis(title: str, values: Sequence[float], base: int = 0, *, zero: bool = False) -> Axis:
    """An axis that holds values, with some room.

    Args:
        title: What it shows.
        values: What it has to hold, at least one; above 0 on a logarithmic axis.
        base: As `Axis` takes it.
        zero: Begin a linear axis at 0.
    """
    low, high = min(values), max(values)
    if base:
        room = 1.15 if high > low else 2.0
        return Axis(title, low / room, high * room, base)
    room = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    return Axis(title, 0.0 if zero else low - room, high + room)


def draw(title: str, series: Sequence[Series], x: Axis, y: Axis) -> str:
    """Draw one plot.

    Args:
        title: Above it.
        series: What to draw.
        x: Horizontal axis.
        y: Vertical axis.

    Returns:
        A `<figure>` with an `<svg>` and a legend.
    """
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(point: Point) -> tuple[str, str]:
        across = LEFT + (right - LEFT) * x.share(point[0])
        return f"{across:.1f}", f"{bottom - (bottom - TOP) * y.share(point[1]):.1f}"

    ink = []
    for value in y.ticks():
        _, level = at((x.low, value))
        ink.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{level}" y2="{level}"/>')
        ink.append(f'<text x="{LEFT - 8}" y="{level}" dy="4" class="end">{value:g}</text>')
    for value in x.ticks():
        across, _ = at((value, y.low))
        ink.append(f'<text x="{across}" y="{bottom + 18}" class="middle">{value:g}</text>')
    ink.append(
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" class="middle">{escape(x.title)}</text>'
    )
    for each, colour in zip(series, cycle(COLOURS), strict=False):
        places = [at(point) for point in each.points]
        if each.joined:
            line = " ".join(",".join(place) for place in places)
            dash = ' stroke-dasharray="6 5"' if each.dashed else ""
            ink.append(f'<polyline points="{line}" stroke="{colour}"{dash}/>')
        if not each.dashed:
            ink += [
                f'<circle cx="{across}" cy="{level}" r="3.5" fill="{colour}">'
                f"<title>{escape(each.name)}: {point[0]:g}, {point[1]:.4g}</title></circle>"
                for (across, level), point in zip(places, each.points, strict=True)
            ]
    legend = " ".join(
        f'<span><i style="background:{colour}"></i>{escape(each.name)}</span>'
        for each, colour in zip(series, cycle(COLOURS), strict=False)
    )
    return (
        f"<figure><figcaption>{escape(title)} <small>{escape(y.title)}</small></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{"".join(ink)}</svg><p class="legend">{legend}</p></figure>'
    )


def _powers(axis: Axis, base: int) -> tuple[int, int]:
    low, high = math.log(axis.low, base), math.log(axis.high, base)
    return math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1
