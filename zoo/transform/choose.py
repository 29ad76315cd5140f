"""Transforms that choose among others, for every picture by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import PolicyError
from zoo.transform.base import Transform, limits


@dataclass(frozen=True)
class Sometimes(Transform):
    """Do a few transforms, or none of them, by the toss of a coin.

    Args:
        probability: Share of pictures that undergo them, 0 to 1.
        transforms: The transforms, in order.
    """

    probability: float = limits("a probability", 0, 1, fixed=True)
    transforms: tuple[Transform, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _several(self, self.transforms)


@dataclass(frozen=True)
class OneOf(Transform):
    """Do one of several transforms, each as likely as the next.

    Args:
        transforms: What is chosen from: transforms, or lists of them.
    """

    transforms: tuple[Transform | tuple[Transform, ...], ...]

    def __post_init__(self) -> None:
        _several(self, self.transforms)


@dataclass(frozen=True)
class SomeOf(Transform):
    """Do a number of different transforms out of several, in the order of the list.

    Args:
        count: How many.
        transforms: What is chosen from.
    """

    count: int = limits("count", 0, 1000, fixed=True, whole=True)
    transforms: tuple[Transform, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _several(self, self.transforms)
        if self.count > len(self.transforms):
            raise PolicyError(
                f"SomeOf takes a count up to the number of its transforms, {len(self.transforms)}, "
                f"received {self.count}"
            )


@dataclass(frozen=True)
class Blend(Transform):
    """Mix the picture with what several chains of transforms make of it (arXiv:1912.02781).

    Weights of the chains are even among all that sum to 1, that of their mixture against the
    picture is even between 0 and 1: Dirichlet and beta distributions with parameter 1.

    Args:
        chains: Lists of transforms; each chain costs a resampling of its own.
    """

    chains: tuple[tuple[Transform, ...], ...]

    def __post_init__(self) -> None:
        _several(self, self.chains)


def _several(chooser: Transform, given: Sequence[object]) -> None:
    """Hold what was given as tuples, so that a policy stays plain, comparable data."""
    name = "chains" if isinstance(chooser, Blend) else "transforms"
    held = tuple(tuple(each) if isinstance(each, (list, tuple)) else each for each in given)
    if not held:
        raise PolicyError(f"{type(chooser).__name__} takes at least one of {name}, received none")
    for each in held:
        for inner in each if isinstance(each, tuple) else (each,):
            if not isinstance(inner, Transform):
                raise PolicyError(f"{type(chooser).__name__} takes transforms, received {inner!r}")
    object.__setattr__(chooser, name, held)
