"""Policies that choose from the moves and colours of AutoAugment (arXiv:1805.09501)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from zoo.api import (
    AutoContrast,
    Blend,
    Brightness,
    Choice,
    Contrast,
    Equalize,
    Erase,
    Fill,
    Flip,
    Invert,
    OneOf,
    Policy,
    PolicyError,
    Posterize,
    ResizedCrop,
    Rotate,
    Saturation,
    Sharpness,
    Shift,
    Skew,
    Solarize,
    Sometimes,
    Transform,
)

BINS = 31


def randaugment(*, layers: int = 2, magnitude: int = 9) -> Policy:
    """RandAugment: a few of 14 moves and colours, all of one strength, each picture its own.

    Args:
        layers: How many, one after another.
        magnitude: Their strength, 0 to 30.

    Raises:
        PolicyError: The magnitude is none of 0 to 30, or there are more than 10 layers.
    """
    if not 0 <= magnitude < BINS:
        raise PolicyError(f"randaugment takes a magnitude from 0 to 30, received {magnitude}")
    if not 0 <= layers <= 10:
        raise PolicyError(f"randaugment takes 0 to 10 layers, received {layers}")
    share = magnitude / (BINS - 1)
    return [*(OneOf(_space([share])) for _ in range(layers)), Fill("constant")]


def trivialaugment(*, strength: float = 1.0) -> Policy:
    """TrivialAugment: one of 14 moves and colours, of a strength drawn anew for every picture.

    Args:
        strength: Share of the published ranges ("wide") that is used.

    Raises:
        PolicyError: The strength is not above 0 and up to 1.
    """
    if not 0 < strength <= 1:
        raise PolicyError(
            f"trivialaugment takes a strength above 0 and up to 1, received {strength}"
        )
    shares = [strength * bin / (BINS - 1) for bin in range(BINS)]
    wide = _space(
        shares, tangent=0.99, move=32, unit="pixels", degrees=135, factor=0.99, fewer_bits=6
    )
    return [OneOf(wide), Fill("constant")]


def autoaugment(*, data: Literal["imagenet", "cifar10"] = "imagenet") -> Policy:
    """AutoAugment: one of 25 pairs of transforms that a search has found.

    Args:
        data: The pictures that the search was made on.
    """
    pairs = (IMAGENET if data == "imagenet" else CIFAR10).strip().splitlines()
    found = [[_searched(half) for half in pair.split(",")] for pair in pairs]
    return [OneOf([tuple(pair) for pair in found]), Fill("constant")]


def augmix(*, severity: float = 3.0, width: int = 3) -> Policy:
    """AugMix: the picture blended with what chains of one to three transforms make of it.

    Args:
        severity: Strength of the transforms, up to 10.
        width: Number of chains; each costs a resampling of its own.

    Raises:
        PolicyError: Severity or width are out of range.
    """
    if not 0.1 <= severity <= 10:
        raise PolicyError(f"augmix takes a severity from 0.1 to 10, received {severity}")
    if not 1 <= width <= 8:
        raise PolicyError(f"augmix takes a width from 1 to 8, received {width}")
    levels = [0.1 + (severity - 0.1) * bin / (BINS - 1) for bin in range(BINS)]
    shares = [level / 10 for level in levels]
    both = _both_ways(shares)
    one = OneOf(
        [
            AutoContrast(),
            Equalize(),
            Posterize(Choice(tuple(4.0 - int(4 * share) for share in shares))),
            Rotate(_scaled(both, 30)),
            Solarize(Choice(tuple(256.0 - int(256 * share) for share in shares))),
            Skew(horizontal=_scaled(both, 0.3)),
            Skew(vertical=_scaled(both, 0.3)),
            Shift(_scaled(both, 1 / 3), 0.0),
            Shift(0.0, _scaled(both, 1 / 3)),
        ]
    )
    # One, two or three, each as likely.
    chain = [one, Sometimes(2 / 3, [one, Sometimes(1 / 2, [one])])]
    return [Blend([chain] * width), Fill("constant")]


def strong(
    *, area: float = 0.08, layers: int = 2, magnitude: int = 9, erasing: float = 0.25
) -> Policy:
    """Random resized crop, flip, RandAugment and random erasing, for long training from scratch.

    Args:
        area: Smallest share of the picture that is cut out.
        layers: Transforms of RandAugment.
        magnitude: Their strength, 0 to 30.
        erasing: Share of the pictures of which a part is erased.

    Raises:
        PolicyError: A range is outside of what its transform takes.
    """
    return [
        ResizedCrop(area=(area, 1.0)),
        Flip(),
        *randaugment(layers=layers, magnitude=magnitude),
        Sometimes(erasing, [Erase(value=128.0)]),
    ]


def _space(
    shares: Sequence[float],
    *,
    tangent: float = 0.3,
    move: float = 150 / 331,
    unit: Literal["share", "pixels"] = "share",
    degrees: float = 30,
    factor: float = 0.9,
    fewer_bits: int = 4,
) -> list[Transform | tuple[Transform, ...]]:
    """The 14 transforms at some shares of their largest strength, both ways where they have two."""
    both = _both_ways(shares)
    factors = Choice(tuple(1 + factor * share for share in both))
    return [
        (),  # the picture as it is
        Skew(horizontal=_scaled(both, tangent)),
        Skew(vertical=_scaled(both, tangent)),
        Shift(_scaled(both, move), 0.0, unit),
        Shift(0.0, _scaled(both, move), unit),
        Rotate(_scaled(both, degrees)),
        Brightness(factors),
        Saturation(factors),
        Contrast(factors),
        Sharpness(factors),
        Posterize(Choice(tuple(8.0 - round(fewer_bits * share) for share in shares))),
        Solarize(Choice(tuple(255 * (1 - share) for share in shares))),
        AutoContrast(),
        Equalize(),
    ]


def _both_ways(shares: Sequence[float]) -> list[float]:
    return [sign * share for share in shares for sign in (1, -1)]


def _scaled(shares: Sequence[float], by: float) -> Choice:
    return Choice(tuple(by * share for share in shares))


def _searched(half: str) -> Transform:
    """One transform of a pair, such as "rotate 0.6 9": name, probability, strength of 0 to 9."""
    name, probability, strength = half.split()
    share = int(strength) / 9
    both = _both_ways([share])
    factors = Choice(tuple(1 + 0.9 * each for each in both))
    made: dict[str, Transform] = {
        "shear-x": Skew(horizontal=_scaled(both, 0.3)),
        "shear-y": Skew(vertical=_scaled(both, 0.3)),
        "move-x": Shift(_scaled(both, 150 / 331), 0.0),
        "move-y": Shift(0.0, _scaled(both, 150 / 331)),
        "rotate": Rotate(_scaled(both, 30)),
        "brightness": Brightness(factors),
        "color": Saturation(factors),
        "contrast": Contrast(factors),
        "sharpness": Sharpness(factors),
        "posterize": Posterize(8 - round(4 * share)),
        "solarize": Solarize(255 * (1 - share)),
        "auto-contrast": AutoContrast(),
        "equalize": Equalize(),
        "invert": Invert(),
    }
    return Sometimes(float(probability), (made[name],))


IMAGENET = """
posterize 0.4 8, rotate 0.6 9
solarize 0.6 5, auto-contrast 0.6 0
equalize 0.8 0, equalize 0.6 0
posterize 0.6 7, posterize 0.6 6
equalize 0.4 0, solarize 0.2 4
equalize 0.4 0, rotate 0.8 8
solarize 0.6 3, equalize 0.6 0
posterize 0.8 5, equalize 1.0 0
rotate 0.2 3, solarize 0.6 8
equalize 0.6 0, posterize 0.4 6
rotate 0.8 8, color 0.4 0
rotate 0.4 9, equalize 0.6 0
equalize 0.0 0, equalize 0.8 0
invert 0.6 0, equalize 1.0 0
color 0.6 4, contrast 1.0 8
rotate 0.8 8, color 1.0 2
color 0.8 8, solarize 0.8 7
sharpness 0.4 7, invert 0.6 0
shear-x 0.6 5, equalize 1.0 0
color 0.4 0, equalize 0.6 0
equalize 0.4 0, solarize 0.2 4
solarize 0.6 5, auto-contrast 0.6 0
invert 0.6 0, equalize 1.0 0
color 0.6 4, contrast 1.0 8
equalize 0.8 0, equalize 0.6 0
"""

CIFAR10 = """
invert 0.1 0, contrast 0.2 6
rotate 0.7 2, move-x 0.3 9
sharpness 0.8 1, sharpness 0.9 3
shear-y 0.5 8, move-y 0.7 9
auto-contrast 0.5 0, equalize 0.9 0
shear-y 0.2 7, posterize 0.3 7
color 0.4 3, brightness 0.6 7
sharpness 0.3 9, brightness 0.7 9
equalize 0.6 0, equalize 0.5 0
contrast 0.6 7, sharpness 0.6 5
color 0.7 7, move-x 0.5 8
equalize 0.3 0, auto-contrast 0.4 0
move-y 0.4 3, sharpness 0.2 6
brightness 0.9 6, color 0.2 8
solarize 0.5 2, invert 0.0 0
equalize 0.2 0, auto-contrast 0.6 0
equalize 0.2 0, equalize 0.6 0
color 0.9 9, equalize 0.6 0
auto-contrast 0.8 0, solarize 0.2 8
brightness 0.1 3, color 0.7 0
solarize 0.4 5, auto-contrast 0.9 0
move-y 0.9 9, move-y 0.7 9
auto-contrast 0.9 0, solarize 0.8 3
equalize 0.8 0, invert 0.1 0
move-y 0.7 9, auto-contrast 0.9 0
"""
