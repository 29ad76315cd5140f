"""Transforms that take pictures out of 0..255. They stand at the end of a policy.

Models of zoo normalise by themselves, so policies for `zoo train` do without these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.errors import PolicyError
from zoo.transform.base import Transform, limits


@dataclass(frozen=True)
class Rescale(Transform):
    """Multiply every value, to any range.

    Args:
        factor: Such as 1/255.
    """

    factor: float = limits("a factor", -1e6, 1e6, fixed=True)


@dataclass(frozen=True)
class Center(Transform):
    """Subtract the picture's own mean, of all channels together."""


@dataclass(frozen=True)
class Standardize(Transform):
    """Divide by the picture's own standard deviation, of all channels together, plus 1e-6."""


@dataclass(frozen=True)
class Normalize(Transform):
    """Subtract a mean and divide by a deviation, those of a data set, channel by channel.

    Args:
        mean: Of red, green and blue.
        std: Of red, green and blue; 1e-6 is added before the division.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            given = getattr(self, name)
            if given is None:
                continue
            object.__setattr__(self, name, tuple(given))
            if len(given) != 3 or not all(map(math.isfinite, given)):
                raise PolicyError(
                    f"Normalize takes three finite numbers as {name}, received {given}"
                )


@dataclass(frozen=True)
class Whiten(Transform):
    """Remove the correlations between pixels by ZCA (Krizhevsky, 2009).

    Args:
        file: The `.npz` that `zoo.engine.augment.statistics.save` wrote.
    """

    file: str
