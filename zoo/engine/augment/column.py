"""What each transform draws for a picture: named numbers, by the inverse of their distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial, singledispatch

import numpy as np

from zoo import transform as t
from zoo.errors import PolicyError
from zoo.transform.base import ends

Quantile = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Column:
    """One number drawn per picture.

    Args:
        name: What it is, with its unit.
        quantile: Takes even shares in [0, 1) to values: the inverse of the distribution.
        ends: Smallest and largest value.
    """

    name: str
    quantile: Quantile
    ends: tuple[float, float]


def even(name: str, low: float, high: float) -> Column:
    """Evenly from low to high."""
    return Column(name, lambda share: low + (high - low) * share, (low, high))


def even_log(name: str, low: float, high: float) -> Column:
    """Evenly on a logarithmic scale."""
    return Column(name, lambda share: low * (high / low) ** share, (low, high))


def coin(name: str, probability: float) -> Column:
    """1 with a probability, else 0."""
    sides = float(probability >= 1), float(probability > 0)
    return Column(name, lambda share: (share < probability).astype(np.float64), sides)


def pick(name: str, values: tuple[float, ...]) -> Column:
    """One of a few numbers."""
    given = np.array(values, np.float64)

    def quantile(share: np.ndarray) -> np.ndarray:
        return given[np.floor(share * len(given)).astype(int)]

    return Column(name, quantile, (min(values), max(values)))


def key(name: str) -> Column:
    """A whole number of 24 bits, from which more numbers are drawn than have a column."""
    return Column(name, lambda share: share * 2.0**24, (0, 2**24 - 1))


def beta(name: str, alpha: float) -> Column:
    """The beta distribution with both parameters the same."""
    return Column(name, partial(_beta_quantile, alpha), (0, 1))


def _beta_quantile(alpha: float, share: np.ndarray) -> np.ndarray:
    shares, powers = _beta_table(alpha)
    lower = np.minimum(share, 1 - share)
    value = np.interp(lower, shares, powers) ** (1 / alpha)
    return np.where(share < 0.5, value, 1 - value)


@lru_cache(maxsize=16)
def _beta_table(alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the distribution's lower half, and x**alpha where they are reached.

    In s = x**alpha the density (1 - x)**(alpha - 1) has no pole, so that a sum of trapezia is
    good to seven digits.
    """
    s = np.linspace(0, 0.5**alpha, 20_001)
    density = (1 - s ** (1 / alpha)) ** (alpha - 1)
    sums = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return sums / sums[-1] / 2, s


def _ranged(transform: t.Transform, field: str, name: str) -> Column:
    match ends(transform, field):
        case t.Choice(values):
            return pick(name, values)
        case (low, high):
            return even(name, low, high)
    raise TypeError(f"{transform!r} has no range {field}")


def _logarithmic(transform: t.Transform, field: str, name: str) -> Column:
    match ends(transform, field):
        case (low, high):
            return even_log(name, low, high)
    return _ranged(transform, field, name)


@singledispatch
def columns(transform: t.Transform) -> tuple[Column, ...]:
    """What a transform draws for each picture, in order; those that choose excepted."""
    if not isinstance(transform, t.TRANSFORMS):
        raise PolicyError(
            f"a policy gave {transform!r}, which is no transform",
            hint="return a list of transforms from zoo.api, such as Rotate(15)",
        )
    return ()


# Fields that are drawn as they stand, and what the numbers are called.
_PLAIN: dict[type[t.Transform], dict[str, str]] = {
    t.Rotate: {"degrees": "rotate, degrees"},
    t.Shear: {"degrees": "shear, degrees"},
    t.Skew: {"horizontal": "skew, horizontal", "vertical": "skew, vertical"},
    t.Brightness: {"factor": "brightness"},
    t.Contrast: {"factor": "contrast"},
    t.Saturation: {"factor": "saturation"},
    t.Hue: {"degrees": "hue, degrees"},
    t.ChannelShiftWithin: {"levels": "channel shift, levels"},
    t.BrightnessInBytes: {"factor": "brightness"},
    t.Gamma: {"power": "gamma"},
    t.Solarize: {"threshold": "solarize, threshold"},
    t.Posterize: {"bits": "posterize, bits"},
    t.Sharpness: {"factor": "sharpness"},
    t.Blur: {"sigma": "blur, pixels"},
    t.GeneratorMoves: {
        "rotation": "rotate, degrees",
        "sideways": "move left",
        "upwards": "move up",
        "shear": "shear, degrees",
    },
}


def _plain(transform: t.Transform) -> tuple[Column, ...]:
    named = _PLAIN[type(transform)]
    return tuple(_ranged(transform, field, name) for field, name in named.items())


for _kind in _PLAIN:
    columns.register(_kind)(_plain)


@columns.register
def _(transform: t.Shift) -> tuple[Column, ...]:
    of = ("share of width", "share of height") if transform.unit == "share" else ("pixels",) * 2
    return (
        _ranged(transform, "horizontal", f"shift right, {of[0]}"),
        _ranged(transform, "vertical", f"shift down, {of[1]}"),
    )


@columns.register
def _(transform: t.GeneratorMoves) -> tuple[Column, ...]:
    zooms = (_ranged(transform, "zoom", f"zoom, {axis}") for axis in ("width", "height"))
    return (*_plain(transform), *zooms)


@columns.register
def _(transform: t.Zoom) -> tuple[Column, ...]:
    names = ("zoom",) if transform.proportional else ("zoom, width", "zoom, height")
    return tuple(even(name, transform.low, transform.high) for name in names)


@columns.register
def _(transform: t.Flip) -> tuple[Column, ...]:
    return (coin(f"flip, {transform.axis}", transform.probability),)


@columns.register
def _(transform: t.ResizedCrop) -> tuple[Column, ...]:
    return (
        _ranged(transform, "area", "crop, share of area"),
        _logarithmic(transform, "ratio", "crop, width to height"),
        even("crop, left", 0, 1),
        even("crop, top", 0, 1),
    )


@columns.register
def _(transform: t.Crop) -> tuple[Column, ...]:
    return even("crop, left", 0, 1), even("crop, top", 0, 1)


@columns.register
def _(transform: t.Perspective) -> tuple[Column, ...]:
    corners = ("top left", "top right", "bottom right", "bottom left")
    return tuple(
        even(f"perspective, {corner} {axis}", 0, transform.distortion)
        for corner in corners
        for axis in ("x", "y")
    )


@columns.register
def _(transform: t.Elastic) -> tuple[Column, ...]:
    return (key("elastic, key"),)


@columns.register
def _(transform: t.ChannelShift) -> tuple[Column, ...]:
    if not transform.per_channel:
        return (_ranged(transform, "levels", "channel shift, levels"),)
    colours = ("red", "green", "blue")
    return tuple(_ranged(transform, "levels", f"channel shift, {colour}") for colour in colours)


@columns.register
def _(transform: t.Noise) -> tuple[Column, ...]:
    return _ranged(transform, "deviation", "noise, levels"), key("noise, key")


@columns.register
def _(transform: t.Occlude) -> tuple[Column, ...]:
    return (
        _ranged(transform, "side", "occlusion, pixels"),
        even("occlusion, left", 0, 1),
        even("occlusion, top", 0, 1),
        _ranged(transform, "value", "occlusion, level"),
    )


@columns.register
def _(transform: t.Erase) -> tuple[Column, ...]:
    return (
        _ranged(transform, "area", "erasing, share of area"),
        _logarithmic(transform, "ratio", "erasing, height to width"),
        even("erasing, left", 0, 1),
        even("erasing, top", 0, 1),
        _ranged(transform, "value", "erasing, level"),
    )


@columns.register
def _(transform: t.GridMask) -> tuple[Column, ...]:
    return (
        _ranged(transform, "unit", "grid, share of the shorter side"),
        _ranged(transform, "covered", "grid, share covered"),
        even("grid, left", 0, 1),
        even("grid, top", 0, 1),
        _ranged(transform, "value", "grid, level"),
    )


@columns.register
def _(transform: t.MixUp) -> tuple[Column, ...]:
    return (beta("mixup, own weight", transform.alpha),)


@columns.register
def _(transform: t.CutMix) -> tuple[Column, ...]:
    return (
        beta("cutmix, own share", transform.alpha),
        even("cutmix, left", 0, 1),
        even("cutmix, top", 0, 1),
    )
