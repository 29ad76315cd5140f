"""What all transforms share: they are frozen data, and their ranges are checked when made."""

from __future__ import annotations

import math
import re
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeAlias

from zoo.errors import PolicyError


@dataclass(frozen=True)
class Choice:
    """One of a few numbers, each as likely as the next.

    Args:
        values: The numbers, at least one.
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values or not all(map(_is_number, self.values)):
            raise PolicyError(f"Choice takes finite numbers, at least one, received {self.values}")


Range: TypeAlias = float | tuple[float, float] | Choice
"""What a number is drawn from: `(low, high)` evenly, `Choice` one of a few.

A single number is itself, or stands for both ways where a transform says so: `Rotate(15)` turns
by -15 to +15 degrees.
"""


@dataclass(frozen=True)
class Transform:
    """One step of a policy, as data; the engine draws from its ranges and applies it."""

    def __post_init__(self) -> None:
        for each in fields(self):
            if limits := each.metadata.get("limits"):
                value = limits.check(type(self).__name__, getattr(self, each.name))
                object.__setattr__(self, each.name, value)

    @classmethod
    def name(cls) -> str:
        """The name in documents: `resized-crop` of ResizedCrop."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


@dataclass(frozen=True)
class Limits:
    """What a field of a transform accepts.

    Args:
        what: What the number is, in words.
        low: Smallest number.
        high: Largest number.
        both_ways: Whether a number stands for itself and its negative.
        fixed: Whether it is a plain number and nothing to draw from.
        whole: Whether only whole numbers do.
    """

    what: str
    low: float
    high: float
    both_ways: bool = False
    fixed: bool = False
    whole: bool = False

    def check(self, transform: str, value: Any) -> Range:
        """The value, or a PolicyError that says what is accepted."""
        if isinstance(value, Choice) and not self.fixed:
            for each in value.values:
                self._one(transform, each, ends=True)
            return value
        if isinstance(value, (tuple, list)) and not self.fixed:
            if len(value) != 2:
                raise PolicyError(
                    f"{transform} takes {self.what} as a number or (low, high), received {value!r}"
                )
            low, high = (self._one(transform, each, ends=True) for each in value)
            if low > high:
                raise PolicyError(
                    f"{transform} takes {self.what} from low up to high, received {low} and {high}"
                )
            return low, high
        return self._one(transform, value, ends=False)

    def _one(self, transform: str, value: Any, ends: bool) -> float:
        low = -self.high if ends and self.both_ways else self.low
        # A NaN fails every comparison, so it is refused as well.
        if not _is_number(value) or not low <= value <= self.high:
            raise PolicyError(
                f"{transform} takes {self.what} between {low} and {self.high}, received {value!r}"
            )
        if self.whole and value != int(value):
            raise PolicyError(f"{transform} takes a whole {self.what}, received {value!r}")
        return value  # type: ignore[no-any-return]


def limits(
    what: str,
    low: float,
    high: float,
    default: Any = MISSING,
    *,
    both_ways: bool = False,
    fixed: bool = False,
    whole: bool = False,
) -> Any:
    """A field of a transform, and what it accepts."""
    described = Limits(what, low, high, both_ways, fixed, whole)
    if default is MISSING:
        return field(metadata={"limits": described})
    return field(default=default, metadata={"limits": described})


def ends(transform: Transform, name: str) -> tuple[float, float] | Choice:
    """The range of a field with its single number spelt out: `(low, high)` or a Choice."""
    value: Range = getattr(transform, name)
    if isinstance(value, (Choice, tuple)):
        return value
    described = next(each for each in fields(transform) if each.name == name).metadata["limits"]
    return (-value, value) if described.both_ways else (value, value)


def one_of(transform: str, what: str, value: object, accepted: tuple[str, ...]) -> None:
    """See that a word is one of those accepted."""
    if value not in accepted:
        raise PolicyError(f"{transform} takes {what} {', '.join(accepted)}, received {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
