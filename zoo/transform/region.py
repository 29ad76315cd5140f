"""Transforms that cover a part of the picture."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.transform.base import Choice, Range, Transform, limits


@dataclass(frozen=True)
class Occlude(Transform):
    """Cover a square that lies within the picture (cutout, arXiv:1708.04552).

    Args:
        side: Its side in pixels; one larger than the picture covers all of it.
        value: Grey level to cover it with.
    """

    side: Range = limits("a side", 0, 10_000, whole=True)
    value: Range = limits("a value", 0, 255, Choice((0, 128, 255)))


@dataclass(frozen=True)
class Erase(Transform):
    """Cover a rectangle that lies within the picture (random erasing, arXiv:1708.04896).

    Args:
        area: Its share of the picture's area.
        ratio: Its height to width, drawn evenly on a logarithmic scale.
        value: Grey level to cover it with.
    """

    area: Range = limits("an area", 0, 1, (0.02, 1 / 3))
    ratio: Range = limits("a ratio", 0.1, 10, (0.3, 1 / 0.3))
    value: Range = limits("a value", 0, 255, 0.0)


@dataclass(frozen=True)
class GridMask(Transform):
    """Cover squares of a grid whose place is drawn (GridMask, arXiv:2001.04086).

    Args:
        unit: Distance of the squares, as a share of the picture's shorter side.
        covered: Side of a square as a share of their distance.
        value: Grey level to cover them with.
    """

    unit: Range = limits("a unit", 0.01, 1, (0.2, 0.5))
    covered: Range = limits("a covered share", 0, 1, 0.4)
    value: Range = limits("a value", 0, 255, 0.0)
