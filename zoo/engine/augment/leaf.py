"""The tree of a policy, with its choices, as a flat list: each transform and when it is done.

A choice becomes a column of its own, and what hangs on it is done where that column has a certain
value. So all columns of all pictures are drawn at once, whatever is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo import transform as t
from zoo.engine.augment.column import Column, coin, columns, even, pick
from zoo.errors import PolicyError


@dataclass(frozen=True)
class Leaf:
    """A transform that does something to pictures, and when.

    Args:
        transform: The transform.
        at: Its columns among the policy's.
        gates: Columns and the values that they must all have for the transform to be done.
        chains: Of a Blend: the leaves of each chain.
    """

    transform: t.Transform
    at: slice
    gates: tuple[tuple[int, float], ...] = ()
    chains: tuple[tuple[Leaf, ...], ...] = ()

    def on(self, params: np.ndarray) -> np.ndarray:
        """Which pictures undergo it: bool [N]."""
        on = np.ones(len(params), bool)
        for column, value in self.gates:
            on &= params[:, column] == value
        return on

    def values(self, params: np.ndarray) -> np.ndarray:
        """Its draws: float64 [N, number of draws]."""
        return params[:, self.at]


@dataclass
class Leaves:
    """A policy's transforms in order, and all its columns.

    Args:
        columns: What is drawn for each picture.
        leaves: The transforms that do something.
        ranked: Columns of each SomeOf and how many of them are chosen.
    """

    columns: list[Column] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    ranked: list[tuple[slice, int]] = field(default_factory=list)

    @classmethod
    def of(cls, transforms: Iterable[t.Transform]) -> Leaves:
        """Lay a policy out; its `Fill` is none of the leaves."""
        made = cls()
        made.leaves = made._walk(transforms, ())
        return made

    def _walk(
        self, transforms: Iterable[t.Transform], gates: tuple[tuple[int, float], ...]
    ) -> list[Leaf]:
        leaves: list[Leaf] = []
        for each in transforms:
            match each:
                case t.Sometimes(probability, inner):
                    column = self._add([coin(f"{_names(inner)}?", probability)]).start
                    leaves += self._walk(inner, (*gates, (column, 1.0)))
                case t.OneOf(several):
                    column = self._add(
                        [pick("which", tuple(map(float, range(len(several)))))]
                    ).start
                    for number, inner in enumerate(map(_listed, several)):
                        leaves += self._walk(inner, (*gates, (column, float(number))))
                case t.SomeOf(count, inner):
                    flags = self._add([even(f"{each.name()}?", 0, 1) for each in inner])
                    self.ranked.append((flags, count))
                    for column, one in zip(range(flags.start, flags.stop), inner, strict=True):
                        leaves += self._walk([one], (*gates, (column, 1.0)))
                case t.Blend(chains):
                    weights = [even("weight of the mixture", 0, 1)]
                    weights += [even(f"weight of chain {i + 1}", 0, 1) for i in range(len(chains))]
                    at = self._add(weights)
                    inner_leaves = tuple(tuple(self._walk(chain, ())) for chain in chains)
                    leaves.append(Leaf(each, at, gates, inner_leaves))
                case t.Fill():
                    if gates:
                        raise PolicyError("Fill holds for a whole policy, received one in a choice")
                case _:
                    leaves.append(Leaf(each, self._add(columns(each)), gates))
        return leaves

    def _add(self, columns: Sequence[Column]) -> slice:
        start = len(self.columns)
        self.columns += columns
        return slice(start, len(self.columns))

    def values(self, shares: np.ndarray) -> np.ndarray:
        """Take shares in [0, 1) of every column to values: float64 [N,P]."""
        values = np.empty_like(shares)
        for number, column in enumerate(self.columns):
            values[:, number] = column.quantile(shares[:, number])
        for at, count in self.ranked:
            ranks = np.argsort(np.argsort(shares[:, at], axis=1, kind="stable"), axis=1)
            values[:, at] = ranks < count
        return values


def _listed(each: t.Transform | tuple[t.Transform, ...]) -> tuple[t.Transform, ...]:
    return each if isinstance(each, tuple) else (each,)


def _names(transforms: Iterable[t.Transform]) -> str:
    return " and ".join(each.name() for each in transforms)
