"""The largest batch that fits: tried, each time in a process that may die of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.engine.bench import process
from zoo.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zoo.benchmark.case import Case

LIMIT = 4096
"""No larger batch is tried: long before it a step is as efficient as it gets."""


def largest(fits: Callable[[int], bool], limit: int = LIMIT) -> int:
    """The largest number that fits, within an eighth of it.

    Doubled until one does not fit, then halved between the two.

    Args:
        fits: Whether a number fits; what is below one that fits, fits too.
        limit: Largest number that is tried.

    Returns:
        The number, 0 if not even 1 fits.
    """
    low, high = 0, 1
    while high <= limit and fits(high):
        low, high = high, 2 * high
    if high > limit:
        return low
    while high - low > max(1, low // 8):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def batch_size(
    case: Case,
    environment: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda sentence: None,
) -> int:
    """The largest batch of a configuration that fits into memory.

    Args:
        case: The configuration; its batch size is not looked at.
        environment: What to add to the environment of the processes.
        progress: Called with a sentence before each try.

    Raises:
        BenchError: Not even one picture fits.
    """

    def fits(count: int) -> bool:
        progress(f"{case.target}, does a batch of {count} fit?")
        tried = case.model_copy(update={"batch_size": count, "seconds": 0.0})
        return process.attempt(tried, environment).error is None

    found = largest(fits)
    if found == 0:
        raise BenchError(
            f"not even a batch of one fits into memory: {case.target}, {case.mode}",
            "take a smaller model or --input-size, or free memory",
        )
    return found
