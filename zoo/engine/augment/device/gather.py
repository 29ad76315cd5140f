"""Reading a batch of tables, each at places of its own, as one gather."""

from __future__ import annotations

from typing import Any

from keras import ops


def each(tables: Any, places: Any) -> Any:
    """Read every table of a batch at its own places.

    Args:
        tables: [N,L] or [N,L,C].
        places: Rows of its table for each, int32 [N,...], 0 to L-1.

    Returns:
        [N,...] or [N,...,C].
    """
    count, length, *rest = ops.shape(tables)
    start = length * ops.arange(count, dtype="int32")
    start = ops.reshape(start, [-1, *(len(places.shape) - 1) * [1]])
    return ops.take(ops.reshape(tables, [-1, *rest]), places + start, axis=0)
