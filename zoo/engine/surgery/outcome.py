"""What an operation gives: the changed model, what it did, and how to hold it to its promise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Outcome:
    """A changed model.

    Args:
        model: The new model; the one before is as it was.
        changed: What was done, a sentence each.
        details: Figures of the operation, plain data.
        tolerance: Largest logit change that is accepted, relative to the largest logit; None
            where the function is meant to change.
        kept: Outputs that both models have, (before, after); None for all of them.
    """

    model: keras.Model
    changed: tuple[str, ...]
    details: dict[str, Any] = field(default_factory=dict)
    tolerance: float | None = None
    kept: tuple[tuple[int, int], ...] | None = None
