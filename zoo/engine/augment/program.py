"""A policy as the steps that an executor goes through, and the numbers that each picture needs.

    params [N,P]  ->  prepare  ->  rows [N,K]  ->  executor  ->  pictures

A row holds, for each step, whether the picture undergoes it and with which numbers: matrices and
colour maps are multiplied here, once for all executors, which then look at pixels and rows alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import groupby

import numpy as np

from zoo import transform as t
from zoo.engine.augment import draw, linear, matrix
from zoo.engine.augment.leaf import Leaf
from zoo.errors import PolicyError
from zoo.transform.base import ends

Size = tuple[int, int]


@dataclass(frozen=True)
class Step:
    """One pass over the picture.

    Args:
        leaves: The transforms that it does: several linear ones, or one of any other kind.
        at: Its part of a row: whether it is done, then its numbers.
        clip: Whether what it gives is cut to 0..255.
        chains: Of a Blend: the programs of its chains.
    """

    leaves: tuple[Leaf, ...]
    at: slice
    clip: bool = True
    chains: tuple[Program, ...] = ()

    @property
    def transform(self) -> t.Transform:
        """The transform, of a linear run the first."""
        return self.leaves[0].transform

    @property
    def linear(self) -> bool:
        """Whether it is a run of linear transforms."""
        return isinstance(self.transform, linear.LINEAR)


@dataclass(frozen=True)
class Program:
    """One warp and then the passes over colours and regions, in order.

    Args:
        geometry: The transforms of the warp.
        fill: What is seen beyond the border.
        steps: The other passes.
        start: Where its rows begin: nine numbers of the matrix, then the knots of an Elastic.
        stop: Where they end.
    """

    geometry: tuple[Leaf, ...]
    fill: t.Fill
    steps: tuple[Step, ...]
    start: int
    stop: int

    @classmethod
    def of(cls, leaves: Sequence[Leaf], fill: t.Fill, start: int = 0) -> Program:
        """Sort a policy's leaves into passes.

        Raises:
            PolicyError: A transform stands where it cannot be.
        """
        geometry = tuple(leaf for leaf in leaves if isinstance(leaf.transform, t.GEOMETRY))
        bends = [leaf for leaf in geometry if isinstance(leaf.transform, t.Elastic)]
        if len(bends) > 1:
            raise PolicyError(f"a policy has one Elastic, received {len(bends)}")
        at = start + 9 + (2 * int(bends[0].transform.grid) ** 2 if bends else 0)
        others = [leaf for leaf in leaves if leaf not in geometry]
        steps: list[Step] = []
        for run in _runs(others):
            first = run[0].transform
            if steps and not isinstance(first, t.NORMAL) and not steps[-1].clip:
                raise PolicyError(
                    f"{type(first).__name__} stands after {type(steps[-1].transform).__name__}, "
                    "which takes pictures out of 0..255",
                    hint="let Rescale, Center, Standardize, Normalize and Whiten be the last",
                )
            chains: list[Program] = []
            stop = at + 1 + _width(first)
            for chain in run[0].chains:
                chains.append(cls.of(chain, fill, stop))
                stop = chains[-1].stop
            clip = not isinstance(first, t.NORMAL)
            steps.append(Step(tuple(run), slice(at, at + 1 + _width(first)), clip, tuple(chains)))
            at = stop
        return cls(geometry, fill, tuple(steps), start, at)

    @property
    def elastic(self) -> Leaf | None:
        """The transform that bends, if there is one."""
        return next((leaf for leaf in self.geometry if isinstance(leaf.transform, t.Elastic)), None)

    def output_size(self, size: Size) -> Size:
        """Height and width of what comes out of pictures of a size."""
        return matrix.output_size(self.geometry, size)

    def prepare(self, params: np.ndarray, size: Size) -> np.ndarray:
        """What each picture's draws mean in numbers for the executors.

        Args:
            params: Draws, float64 [N,P].
            size: Height and width of the pictures.

        Returns:
            float64 [N,K].
        """
        rows = np.zeros((len(params), self.stop))
        self._fill_in(rows, params, size)
        return rows

    def _fill_in(self, rows: np.ndarray, params: np.ndarray, size: Size) -> None:
        bend = self.elastic
        moves = [leaf for leaf in self.geometry if leaf is not bend]
        product = matrix.total(moves, params, size)
        rows[:, self.start : self.start + 9] = product.reshape(-1, 9)
        size = self.output_size(size)
        if bend is not None:
            knots = _knots(bend.transform, bend.values(params), size)
            where = slice(self.start + 9, self.start + 9 + knots.shape[1])
            rows[:, where] = np.where(bend.on(params)[:, None], knots, 0)
        for step in self.steps:
            done = np.any([leaf.on(params) for leaf in step.leaves], axis=0)
            rows[:, step.at.start] = done
            where = slice(step.at.start + 1, step.at.stop)
            if step.linear:
                rows[:, where] = linear.total(step.leaves, params)
            else:
                rows[:, where] = numbers(step.transform, step.leaves[0].values(params), size)
            for chain in step.chains:
                chain._fill_in(rows, params, size)


@singledispatch
def numbers(transform: t.Transform, values: np.ndarray, size: Size) -> np.ndarray:
    """What a transform's draws mean for a picture's executors, float64 [N, `_width`]."""
    return values


@numbers.register
def _(transform: t.Occlude, values: np.ndarray, size: Size) -> np.ndarray:
    side, left, top, value = values.T
    return _rectangle(left, top, side, side, value, size)


@numbers.register
def _(transform: t.Erase, values: np.ndarray, size: Size) -> np.ndarray:
    area, ratio, left, top, value = values.T
    pixels = area * size[0] * size[1]
    wide, high = np.rint(np.sqrt(pixels / ratio)), np.rint(np.sqrt(pixels * ratio))
    return _rectangle(left, top, wide, high, value, size)


@numbers.register
def _(transform: t.GridMask, values: np.ndarray, size: Size) -> np.ndarray:
    unit, covered, left, top, value = values.T
    period = np.maximum(np.rint(unit * min(size)), 1)
    return np.stack(
        [period, np.rint(covered * period), np.floor(left * period), np.floor(top * period), value],
        axis=1,
    )


@numbers.register
def _(transform: t.Blend, values: np.ndarray, size: Size) -> np.ndarray:
    # Shares of a whole that are even among all such shares: exponentials over their sum.
    weights = -np.log(1 - values[:, 1:])
    return np.concatenate([values[:, :1], weights / weights.sum(axis=1, keepdims=True)], axis=1)


def _rectangle(
    left: np.ndarray,
    top: np.ndarray,
    wide: np.ndarray,
    high: np.ndarray,
    value: np.ndarray,
    size: Size,
) -> np.ndarray:
    """Left, top, right and bottom of a rectangle within the picture, and its grey level."""
    wide, high = np.minimum(wide, size[1]), np.minimum(high, size[0])
    x, y = np.floor(left * (size[1] - wide + 1)), np.floor(top * (size[0] - high + 1))
    return np.stack([x, y, x + wide, y + high, value], axis=1)


def _knots(transform: t.Elastic, values: np.ndarray, size: Size) -> np.ndarray:
    """Moves of the knots in pixels, x of all and then y of all: float64 [N, 2 grid^2]."""
    count = int(transform.grid) ** 2
    drawn = 2 * draw.uniform(draw.words(values[:, 0].astype(np.uint32), 2 * count)) - 1
    most = np.repeat([transform.strength * size[1], transform.strength * size[0]], count)
    return drawn * most


def spline(grid: int, length: int) -> np.ndarray:
    """How much each knot moves each pixel along a side: cubic B-spline weights [length, grid]."""
    place = np.linspace(0, grid - 1, length)
    first = np.floor(place).astype(int)
    u = place - first
    four = np.stack(
        [
            (1 - u) ** 3,
            3 * u**3 - 6 * u**2 + 4,
            -3 * u**3 + 3 * u**2 + 3 * u + 1,
            u**3,
        ],
        axis=1,
    ) / 6  # fmt: skip
    weights = np.zeros((length, grid))
    for step in range(4):
        knot = np.clip(first + step - 1, 0, grid - 1)
        np.add.at(weights, (np.arange(length), knot), four[:, step])
    return weights


def blur_radius(transform: t.Blur) -> int:
    """Pixels either way that a blur looks at: four of its largest standard deviations."""
    most = ends(transform, "sigma")
    return max(1, int(np.ceil(4 * max(most.values if isinstance(most, t.Choice) else most))))


def _width(transform: t.Transform) -> int:
    """Numbers that a step of a row has, beside whether it is done."""
    match transform:
        case t.Occlude() | t.Erase() | t.GridMask():
            return 5
        case t.Noise():
            return 2
        case t.Blend(chains):
            return 1 + len(chains)
        case (
            t.AutoContrast() | t.Equalize() | t.Center() | t.Standardize() | t.Whiten()
            | t.MixUp() | t.CutMix()
        ):  # fmt: skip
            return 0
    return linear.WIDTH if isinstance(transform, linear.LINEAR) else 1


def _runs(leaves: Iterable[Leaf]) -> Iterable[list[Leaf]]:
    """Consecutive linear transforms together, those within 0..255 apart from those beyond."""

    def kind(pair: tuple[int, Leaf]) -> object:
        number, leaf = pair
        if isinstance(leaf.transform, linear.LINEAR):
            return isinstance(leaf.transform, t.NORMAL)
        return f"{number}"

    for _, run in groupby(enumerate(leaves), kind):
        yield [leaf for _, leaf in run]
