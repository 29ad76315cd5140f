"""Transforms that move pixels: all of a policy are one matrix, and resample the picture once.

They are done before any other transform, in their own order, wherever in the list they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from zoo.errors import PolicyError
from zoo.transform.base import Limits, Range, Transform, limits, one_of

FillMode: TypeAlias = Literal["nearest", "reflect", "constant", "wrap"]


@dataclass(frozen=True)
class Rotate(Transform):
    """Turn anticlockwise about the centre.

    Args:
        degrees: The angle; a number stands for both ways, 0 to 180.
    """

    degrees: Range = limits("degrees", 0, 180, both_ways=True)


@dataclass(frozen=True)
class Shift(Transform):
    """Move sideways and up or down.

    Args:
        horizontal: Move to the right; a number stands for both ways.
        vertical: Move down; a number stands for both ways.
        unit: `share` of the picture's width and height, up to 1, or `pixels`.
    """

    horizontal: Range = limits("a move", -10_000, 10_000, both_ways=True)
    vertical: Range = limits("a move", -10_000, 10_000, both_ways=True)
    unit: Literal["share", "pixels"] = "share"

    def __post_init__(self) -> None:
        one_of("Shift", "the unit", self.unit, ("share", "pixels"))
        most, of = (1, "share of the picture's") if self.unit == "share" else (10_000, "move in")
        for name, axis in (("horizontal", "width"), ("vertical", "height")):
            what = f"a {name} {of} {axis if self.unit == 'share' else 'pixels'}"
            accepted = Limits(what, 0, most, both_ways=True)
            object.__setattr__(self, name, accepted.check("Shift", getattr(self, name)))


@dataclass(frozen=True)
class Shear(Transform):
    """Slant sideways about the centre, by sine and cosine as Keras's ImageDataGenerator does.

    Unlike `Skew` it also makes the picture a little taller.

    Args:
        degrees: The angle; a number stands for both ways, 0 to 89.
    """

    degrees: Range = limits("degrees", 0, 89, both_ways=True)


@dataclass(frozen=True)
class Skew(Transform):
    """Slant about the centre, keeping rows or columns where they are.

    Args:
        horizontal: Tangent of the slant of the columns; a number stands for both ways.
        vertical: Tangent of the slant of the rows; a number stands for both ways.
    """

    horizontal: Range = limits("a horizontal tangent", 0, 2, 0.0, both_ways=True)
    vertical: Range = limits("a vertical tangent", 0, 2, 0.0, both_ways=True)


@dataclass(frozen=True)
class Zoom(Transform):
    """Stretch about the centre, by a factor drawn evenly from low to high.

    Args:
        low: Smallest factor on the distance between samples; below 1 the picture grows.
        high: Largest factor; above 1 the picture shrinks and `Fill` shows at its border.
        proportional: Whether width and height share a factor, or each draws its own.
    """

    low: float = limits("a low factor", 0.01, 100, fixed=True)
    high: float = limits("a high factor", 0.01, 100, fixed=True)
    proportional: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low > self.high:
            raise PolicyError(f"Zoom takes low up to high, received {self.low} and {self.high}")


@dataclass(frozen=True)
class Flip(Transform):
    """Mirror the picture, or leave it, by the toss of a coin.

    Args:
        axis: `horizontal` swaps left and right, `vertical` swaps top and bottom.
        probability: Share of pictures that are mirrored, 0 to 1.
    """

    axis: Literal["horizontal", "vertical"] = "horizontal"
    probability: float = limits("a probability", 0, 1, 0.5, fixed=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.axis not in ("horizontal", "vertical"):
            raise PolicyError(
                f"Flip takes the axis 'horizontal' or 'vertical', received {self.axis!r}"
            )


@dataclass(frozen=True)
class ResizedCrop(Transform):
    """Cut out a part of random area and proportions, and bring it back to the picture's size.

    The crop of Inception (arXiv:1409.4842). One that would stick out is cut to the picture.

    Args:
        area: Share of the picture's area.
        ratio: Width to height of the part, drawn evenly on a logarithmic scale.
    """

    area: Range = limits("an area", 0.001, 1, (0.08, 1.0))
    ratio: Range = limits("a ratio", 0.1, 10, (3 / 4, 4 / 3))


@dataclass(frozen=True)
class Crop(Transform):
    """Cut out a part of a fixed size at a random place; pictures come out that small.

    Args:
        height: Rows of the part, in pixels; at most those of the picture and its padding.
        width: Columns of the part.
        padding: Pixels of `Fill` around the picture before it is cut.
    """

    height: int = limits("height", 1, 100_000, fixed=True, whole=True)
    width: int = limits("width", 1, 100_000, fixed=True, whole=True)
    padding: int = limits("padding", 0, 10_000, 0, fixed=True, whole=True)


@dataclass(frozen=True)
class Resize(Transform):
    """Bring pictures to another size, with the pixels' centres half a pixel from the border.

    Bilinear without smoothing: to less than half the size it leaves pixels out.

    Args:
        height: Rows, in pixels.
        width: Columns.
    """

    height: int = limits("height", 1, 100_000, fixed=True, whole=True)
    width: int = limits("width", 1, 100_000, fixed=True, whole=True)


@dataclass(frozen=True)
class Perspective(Transform):
    """Look at the picture from aside: its four corners move inwards, each by itself.

    Args:
        distortion: Largest move of a corner, as a share of half the width and half the height.
    """

    distortion: float = limits("a distortion", 0, 0.9, fixed=True)


@dataclass(frozen=True)
class Elastic(Transform):
    """Bend the picture smoothly, by a random field of moves (Simard et al., 2003).

    The field is a cubic spline through a coarse grid of moves, so that it costs no convolution.

    Args:
        strength: Largest move of a knot, as a share of the picture's width and height.
        grid: Knots along each side.
    """

    strength: float = limits("a strength", 0, 0.5, fixed=True)
    grid: int = limits("grid", 2, 32, 5, fixed=True, whole=True)


@dataclass(frozen=True)
class GeneratorMoves(Transform):
    """The moves of Keras's ImageDataGenerator as they are, in one matrix.

    Shares of a sideways move are of the height, those of an upward move of the width, and the
    point that pictures are turned about has its coordinates swapped: the centre of square
    pictures, beside that of others.

    Args:
        rotation: Degrees anticlockwise; a number stands for both ways.
        sideways: Move to the left; a number stands for both ways.
        sideways_unit: `share` of the picture's height, or `pixels`.
        upwards: Move up; a number stands for both ways.
        upwards_unit: `share` of the picture's width, or `pixels`.
        shear: Degrees, as of `Shear`; a number stands for both ways.
        zoom: Smallest and largest factor on the distance between samples, drawn for each axis.
    """

    rotation: Range = limits("degrees of rotation", 0, 360, both_ways=True)
    sideways: Range = limits("a sideways move", 0, 10_000, both_ways=True)
    sideways_unit: Literal["share", "pixels"] = "share"
    upwards: Range = limits("an upward move", 0, 10_000, 0.0, both_ways=True)
    upwards_unit: Literal["share", "pixels"] = "share"
    shear: Range = limits("degrees of shear", 0, 89, 0.0, both_ways=True)
    zoom: Range = limits("a zoom", 0.01, 100, (1.0, 1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sideways_unit", "upwards_unit"):
            one_of("GeneratorMoves", "the unit", getattr(self, name), ("share", "pixels"))


@dataclass(frozen=True)
class Fill(Transform):
    """What is seen beyond the border of a picture; once in a policy, `nearest` if left out.

    Args:
        mode: `nearest` repeats the border pixel, `reflect` mirrors the picture, `wrap`
            repeats it, `constant` shows one value, as the modes of scipy.ndimage.
        value: Grey level of `constant`, 0 to 255.
    """

    mode: FillMode = "nearest"
    value: float = limits("a grey level", 0, 255, 0.0, fixed=True)

    def __post_init__(self) -> None:
        if self.mode not in get_args(FillMode):
            modes = ", ".join(get_args(FillMode))
            raise PolicyError(f"Fill takes one of {modes}, received {self.mode!r}")
        super().__post_init__()
