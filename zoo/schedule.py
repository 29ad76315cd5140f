"""How the learning rate goes through a phase, as data: each kind is a factor on the rate."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Warm(_Kind):
    warmup: Share = 0.0

    def warm(self, done: float) -> float | None:
        """The factor while the rate still rises in a straight line, None afterwards."""
        # A first step at rate 0 would teach nothing, so the line is read a hair further on.
        return max(done, 1e-3 * self.warmup) / self.warmup if done < self.warmup else None


class Constant(_Warm):
    """The rate stays as it is.

    Args:
        kind: "constant".
        warmup: Share of the phase in which the rate rises to its value, 0 to below 1.
    """

    kind: Literal["constant"] = "constant"

    def factor(self, done: float) -> float:
        """The factor on the phase's rate after a share `done` of its steps, 0 to 1."""
        warm = self.warm(done)
        return 1.0 if warm is None else warm


class Cosine(_Warm):
    """The rate falls along half a cosine (arXiv:1608.03983, without restarts).

    Args:
        kind: "cosine".
        warmup: Share of the phase in which the rate rises first, 0 to below 1.
        floor: What is left of the rate at the end, 0 to below 1.
    """

    kind: Literal["cosine"] = "cosine"
    floor: Share = 0.0

    def factor(self, done: float) -> float:
        """The factor on the phase's rate after a share `done` of its steps, 0 to 1."""
        warm = self.warm(done)
        if warm is not None:
            return warm
        return _cosine(1.0, self.floor, (done - self.warmup) / (1 - self.warmup))


class OneCycle(_Kind):
    """The rate rises and falls along two half cosines (arXiv:1708.07120).

    Args:
        kind: "one-cycle".
        rise: Share of the phase in which the rate rises, above 0 and below 1.
        start: The factor at the beginning.
        end: The factor at the end.
    """

    kind: Literal["one-cycle"] = "one-cycle"
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.25
    start: Annotated[float, Field(gt=0, le=1)] = 0.04
    end: Share = 1e-5

    def factor(self, done: float) -> float:
        """The factor on the phase's rate after a share `done` of its steps, 0 to 1."""
        if done < self.rise:
            return _cosine(self.start, 1.0, done / self.rise)
        return _cosine(1.0, self.end, (done - self.rise) / (1 - self.rise))


class Step(_Warm):
    """The rate is multiplied at given points.

    Args:
        kind: "step".
        warmup: Share of the phase in which the rate rises first, 0 to below 1.
        at: The points, as shares of the phase.
        by: What the rate is multiplied by at each.
    """

    kind: Literal["step"] = "step"
    at: tuple[Share, ...] = (1 / 3, 2 / 3)
    by: Annotated[float, Field(gt=0, le=1)] = 0.1

    def factor(self, done: float) -> float:
        """The factor on the phase's rate after a share `done` of its steps, 0 to 1."""
        warm = self.warm(done)
        if warm is not None:
            return warm
        return float(self.by ** sum(done >= point for point in self.at))


class Plateau(_Kind):
    """The rate is multiplied when the validation loss has stopped falling.

    Args:
        kind: "plateau".
        patience: Epochs without a lower validation loss before that happens.
        by: What the rate is multiplied by.
    """

    kind: Literal["plateau"] = "plateau"
    patience: Annotated[int, Field(ge=1)] = 5
    by: Annotated[float, Field(gt=0, lt=1)] = 0.1

    def factor(self, done: float) -> float:
        """1: the losses decide, not the share of the steps that is done."""
        return 1.0


KINDS: dict[str, type[_Kind]] = {
    "constant": Constant,
    "cosine": Cosine,
    "one-cycle": OneCycle,
    "step": Step,
    "plateau": Plateau,
}


def _spelled_out(value: Any) -> Any:
    """A kind's name alone stands for the kind with its defaults."""
    return {"kind": value} if isinstance(value, str) else value


Schedule: TypeAlias = Annotated[
    Annotated[Constant | Cosine | OneCycle | Step | Plateau, Field(discriminator="kind")],
    BeforeValidator(_spelled_out),
]


def _cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
