"""Mirror images, and nothing else."""

from __future__ import annotations

from zoo.api import Flip, Policy


def flip(*, horizontal: bool = True, vertical: bool = False) -> Policy:
    """Mirror half of the pictures; the two directions toss a coin each.

    Args:
        horizontal: Swap left and right.
        vertical: Swap top and bottom; for pictures without an up, such as those from above.
    """
    return [
        Flip("horizontal", 0.5 if horizontal else 0.0),
        Flip("vertical", 0.5 if vertical else 0.0),
    ]
