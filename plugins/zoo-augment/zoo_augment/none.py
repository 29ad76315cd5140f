"""No augmentation, by name, so that a recipe can say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.api import Policy


def none() -> Policy:
    """Leave every picture as it is, bit for bit."""
    return []
