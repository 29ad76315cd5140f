"""The draws of one picture, transform by transform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo import transform as t


def word(seed: int, epoch: int, index: int, slot: int) -> int:
    """The 32 random bits of one picture's slot."""
    state = 0
    for part in (seed, epoch, int(index), mixed(slot + 1)):
        state = mixed((state ^ part) + 0x9E3779B9)
    return state


def share(seed: int, epoch: int, index: int, slot: int) -> float:
    """A number in [0, 1) from the upper 24 bits of the slot's word."""
    return (word(seed, epoch, index, slot) >> 8) / 2**24


def mixed(x: int) -> int:
    """Mix 32 bits."""
    x &= 0xFFFFFFFF
    x = (x ^ x >> 16) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ x >> 15) * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


@dataclass
class Slots:
    """The slots of one picture, taken in order."""

    seed: int
    epoch: int
    index: int
    used: int = 0

    def next(self) -> float:
        """The share of the next slot."""
        self.used += 1
        return share(self.seed, self.epoch, self.index, self.used - 1)


@dataclass
class Drawn:
    """A transform, its shares of its ranges, and whether it is done."""

    transform: t.Transform
    shares: list[float]
    on: bool
    chains: Sequence[list[Drawn]] = ()


def walk(transforms: Sequence[Any], slots: Slots, on: bool) -> Iterator[Drawn]:
    """All transforms of a policy with their draws, in order, whether they are done or not."""
    for each in transforms:
        match each:
            case t.Fill():
                pass
            case t.Sometimes(probability, inner):
                heads = slots.next() < probability
                yield from walk(inner, slots, on and heads)
            case t.OneOf(several):
                which = int(slots.next() * len(several))
                for number, inner in enumerate(several):
                    listed = inner if isinstance(inner, tuple) else (inner,)
                    yield from walk(listed, slots, on and number == which)
            case t.SomeOf(count, inner):
                keys = [slots.next() for _ in inner]
                chosen = sorted(range(len(keys)), key=keys.__getitem__)[: int(count)]
                for number, one in enumerate(inner):
                    yield from walk([one], slots, on and number in chosen)
            case t.Blend(chains):
                shares = [slots.next() for _ in range(len(chains) + 1)]
                inner = [list(walk(chain, slots, True)) for chain in chains]
                yield Drawn(each, shares, on, inner)
            case _:
                shares = [slots.next() for _ in range(_needed(each))]
                yield Drawn(each, shares, on)


def _needed(transform: t.Transform) -> int:
    match transform:
        case t.Zoom(proportional=proportional):
            return 1 if proportional else 2
        case t.ChannelShift(per_channel=per_channel):
            return 3 if per_channel else 1
        case t.Perspective():
            return 8
        case t.Erase() | t.GridMask():
            return 5
        case t.GeneratorMoves():
            return 6
        case t.ResizedCrop() | t.Occlude():
            return 4
        case t.CutMix():
            return 3
        case t.Shift() | t.Skew() | t.Crop() | t.Noise():
            return 2
        case (
            t.Resize() | t.Grayscale() | t.Invert() | t.AutoContrast() | t.Equalize()
            | t.Rescale() | t.Center() | t.Standardize() | t.Normalize() | t.Whiten()
        ):  # fmt: skip
            return 0
    return 1


def from_range(given: Any, share: float, both_ways: bool = False) -> float:
    """The value at a share of a range."""
    match given:
        case t.Choice(values):
            return values[int(share * len(values))]
        case (low, high):
            return low + (high - low) * share
    return -given + 2 * given * share if both_ways else given


def from_log_range(given: Any, share: float) -> float:
    """The same, even on a logarithmic scale."""
    match given:
        case (low, high):
            return float(np.exp(np.log(low) + (np.log(high) - np.log(low)) * share))
    return from_range(given, share)
