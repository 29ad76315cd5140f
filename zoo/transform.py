"""What an augmentation policy is made of: transforms as plain data, compiled by the engine.

A policy returns a list of these, in the order in which a picture undergoes them. They hold
ranges, not draws: which angle a picture gets is a function of seed, epoch and its index.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from zoo.errors import PolicyError

FillMode: TypeAlias = Literal["nearest", "reflect", "constant", "wrap"]


@dataclass(frozen=True)
class Rotate:
    """Turn about the centre, by an angle drawn evenly from -degrees to +degrees.

    Args:
        degrees: Largest angle, 0 to 180.
    """

    degrees: float

    def __post_init__(self) -> None:
        _within("Rotate takes degrees", self.degrees, 0, 180)


@dataclass(frozen=True)
class Shift:
    """Move sideways and up or down, each by a distance drawn evenly from -share to +share.

    Args:
        horizontal: Largest move along a row, as a share of the picture's width, 0 to 1.
        vertical: Largest move along a column, as a share of the picture's height, 0 to 1.
    """

    horizontal: float
    vertical: float

    def __post_init__(self) -> None:
        _within("Shift takes a horizontal share of the picture's width", self.horizontal, 0, 1)
        _within("Shift takes a vertical share of the picture's height", self.vertical, 0, 1)


@dataclass(frozen=True)
class Shear:
    """Slant about the centre, by an angle drawn evenly from -degrees to +degrees.

    Args:
        degrees: Largest angle, 0 to 89.
    """

    degrees: float

    def __post_init__(self) -> None:
        _within("Shear takes degrees", self.degrees, 0, 89)


@dataclass(frozen=True)
class Zoom:
    """Stretch about the centre, width and height each by a factor of its own from low to high.

    Args:
        low: Smallest factor on the distance between samples; below 1 the picture grows.
        high: Largest factor; above 1 the picture shrinks and `Fill` shows at its border.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _within("Zoom takes a low factor", self.low, 0.01, 100)
        _within("Zoom takes a high factor", self.high, 0.01, 100)
        if self.low > self.high:
            raise PolicyError(f"Zoom takes low up to high, received {self.low} and {self.high}")


@dataclass(frozen=True)
class Flip:
    """Mirror the picture, or leave it, by the toss of a coin.

    Args:
        axis: `horizontal` swaps left and right, `vertical` swaps top and bottom.
        probability: Share of pictures that are mirrored, 0 to 1.
    """

    axis: Literal["horizontal", "vertical"] = "horizontal"
    probability: float = 0.5

    def __post_init__(self) -> None:
        if self.axis not in ("horizontal", "vertical"):
            raise PolicyError(
                f"Flip takes the axis 'horizontal' or 'vertical', received {self.axis!r}"
            )
        _within("Flip takes a probability", self.probability, 0, 1)


@dataclass(frozen=True)
class Fill:
    """What is seen beyond the border of a picture; once in a policy, `nearest` if left out.

    Args:
        mode: `nearest` repeats the border pixel, `reflect` mirrors the picture, `wrap`
            repeats it, `constant` shows one value.
        value: Grey level of `constant`, 0 to 255.
    """

    mode: FillMode = "nearest"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in get_args(FillMode):
            modes = ", ".join(get_args(FillMode))
            raise PolicyError(f"Fill takes one of {modes}, received {self.mode!r}")
        _within("Fill takes a grey level", self.value, 0, 255)


Transform: TypeAlias = Rotate | Shift | Shear | Zoom | Flip | Fill


def document(transforms: list[Transform]) -> list[dict[str, Any]]:
    """The policy as JSON-ready rows, each with the transform's name and its ranges."""
    return [{"transform": type(each).__name__.lower(), **asdict(each)} for each in transforms]


def _within(sentence: str, value: float, low: float, high: float) -> None:
    # A NaN fails every comparison, so it is refused as well.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise PolicyError(f"{sentence} between {low} and {high}, received {value!r}")
