"""Transforms of a pixel's colour. Values are 0..255, red, green and blue.

Consecutive `Brightness`, `Contrast`, `Saturation`, `Hue`, `Grayscale`, `Invert` and `ChannelShift`
are one map, computed at once; what it gives is cut to 0..255 after the last of them, not in
between. All others cut by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.transform.base import Range, Transform, limits


@dataclass(frozen=True)
class Brightness(Transform):
    """Multiply every value.

    Args:
        factor: 0 is black, 1 leaves the picture.
    """

    factor: Range = limits("a factor", 0, 10)


@dataclass(frozen=True)
class Contrast(Transform):
    """Bring every value closer to the picture's mean grey, or further from it.

    Args:
        factor: 0 is grey all over, 1 leaves the picture.
    """

    factor: Range = limits("a factor", 0, 10)


@dataclass(frozen=True)
class Saturation(Transform):
    """Bring every pixel closer to its own grey (ITU-R 601), or further from it.

    Args:
        factor: 0 is grey, 1 leaves the picture.
    """

    factor: Range = limits("a factor", 0, 10)


@dataclass(frozen=True)
class Hue(Transform):
    """Turn colours about the axis of greys, in YIQ, where brightness stays as it is.

    Args:
        degrees: The angle; a number stands for both ways, 0 to 180.
    """

    degrees: Range = limits("degrees", 0, 180, both_ways=True)


@dataclass(frozen=True)
class Grayscale(Transform):
    """Replace colours by their grey (ITU-R 601)."""


@dataclass(frozen=True)
class Invert(Transform):
    """Give the negative: 255 less every value."""


@dataclass(frozen=True)
class ChannelShift(Transform):
    """Add a number.

    Args:
        levels: What is added, of 255; a number stands for both ways.
        per_channel: Whether red, green and blue each draw their own.
    """

    levels: Range = limits("levels", 0, 255, both_ways=True)
    per_channel: bool = False


@dataclass(frozen=True)
class ChannelShiftWithin(Transform):
    """Add a number, and cut to the darkest and lightest value that the picture had.

    As Keras's ImageDataGenerator does it.

    Args:
        levels: What is added, of 255; a number stands for both ways.
    """

    levels: Range = limits("levels", 0, 255, both_ways=True)


@dataclass(frozen=True)
class BrightnessInBytes(Transform):
    """Multiply in whole numbers, fractions dropped before and after.

    As Keras's ImageDataGenerator does it through 8-bit pictures.

    Args:
        factor: 0 is black, 1 drops fractions and no more.
    """

    factor: Range = limits("a factor", 0, 10)


@dataclass(frozen=True)
class Gamma(Transform):
    """Raise every value, as a share of 255, to a power.

    Args:
        power: Below 1 shadows become lighter.
    """

    power: Range = limits("a power", 0.01, 100)


@dataclass(frozen=True)
class Solarize(Transform):
    """Invert values from a threshold on.

    Args:
        threshold: Grey level; 256 inverts none.
    """

    threshold: Range = limits("a threshold", 0, 256)


@dataclass(frozen=True)
class Posterize(Transform):
    """Keep the upper bits of every value.

    Args:
        bits: How many, 1 to 8.
    """

    bits: Range = limits("number of bits", 0, 8, whole=True)


@dataclass(frozen=True)
class AutoContrast(Transform):
    """Stretch each channel so that it reaches from 0 to 255."""


@dataclass(frozen=True)
class Equalize(Transform):
    """Map each channel, in whole grey levels, so that its histogram becomes even."""


@dataclass(frozen=True)
class Sharpness(Transform):
    """Bring the picture closer to its smoothed self, or further from it.

    Smoothed by the 3x3 kernel of Pillow's SMOOTH; the outermost pixels stay.

    Args:
        factor: 0 is smooth, 1 leaves the picture, 2 sharpens.
    """

    factor: Range = limits("a factor", 0, 10)


@dataclass(frozen=True)
class Blur(Transform):
    """Blur by a Gaussian; beyond the border the picture is mirrored.

    Args:
        sigma: Its standard deviation in pixels.
    """

    sigma: Range = limits("sigma", 0, 20)


@dataclass(frozen=True)
class Noise(Transform):
    """Add normal noise, its own number to every value.

    Args:
        deviation: Standard deviation in grey levels.
    """

    deviation: Range = limits("a deviation", 0, 255)
