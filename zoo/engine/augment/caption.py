"""What is drawn for pictures, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo import transform as t
from zoo.engine.augment.leaf import Leaf
from zoo.engine.augment.plan import Plan


def caption(plan: Plan, params: np.ndarray) -> list[str]:
    """The draws of one picture that change it, a line each.

    Args:
        plan: A compiled policy.
        params: Its row of `Plan.sample`, float64 [P].
    """
    return list(_lines(plan, plan.leaves.leaves, params[None])) or ["as it is"]


def _lines(plan: Plan, leaves: list[Leaf] | tuple[Leaf, ...], row: np.ndarray) -> Iterator[str]:
    for leaf in leaves:
        if not leaf.on(row)[0]:
            continue
        columns = plan.columns[leaf.at]
        if isinstance(leaf.transform, t.Flip):
            if row[0, leaf.at][0]:
                yield columns[0].name
            continue
        if not columns:
            yield leaf.transform.name()
        for column, value in zip(columns, row[0, leaf.at], strict=True):
            fixed_at_nothing = column.ends == (0, 0)
            if not fixed_at_nothing and not column.name.endswith("key"):
                yield f"{column.name}: {value:.3g}"
        for number, chain in enumerate(leaf.chains, 1):
            yield from (f"chain {number}, {line}" for line in _lines(plan, chain, row))


def frequencies(
    plan: Plan, seed: int, count: int = 4096
) -> list[tuple[str, np.ndarray, tuple[float, float]]]:
    """Name, values and ends of the first columns that vary, for histograms."""
    params = plan.sample(seed, 0, np.arange(count))
    varied = [
        (column.name, values, column.ends)
        for column, values in zip(plan.columns, params.T, strict=True)
        if column.ends[0] < column.ends[1] and not column.name.endswith("key")
    ]
    return varied[:HISTOGRAMS]


HISTOGRAMS = 12
"""Histograms that are drawn of a policy."""
