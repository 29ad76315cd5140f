"""The width of a backbone: one factor on every number of filters."""

from __future__ import annotations

from zoo.errors import ModelError

WIDEST = 16.0
"""Beyond this a slip of the keyboard would fill the machine's memory."""


def scaled(filters: int, width: float) -> int:
    """A number of filters times the width, rounded, at least 1.

    Args:
        filters: The published number.
        width: Above 0 and at most 16.

    Raises:
        ModelError: The width is out of range.
    """
    if not 0 < width <= WIDEST:
        raise ModelError(
            f"width={width} is out of range, accepted is above 0 and at most {WIDEST:g}",
            "1 is the published width",
        )
    return max(1, round(filters * width))
