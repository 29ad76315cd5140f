"""One of each transform, with ranges wide enough to show a mistake."""

from __future__ import annotations

import numpy as np

from zoo.transform import (
    AutoContrast,
    Blend,
    Blur,
    Brightness,
    BrightnessInBytes,
    Center,
    ChannelShift,
    ChannelShiftWithin,
    Choice,
    Contrast,
    Crop,
    Elastic,
    Equalize,
    Erase,
    Flip,
    Gamma,
    Grayscale,
    GridMask,
    Hue,
    Invert,
    Noise,
    Normalize,
    Occlude,
    OneOf,
    Perspective,
    Posterize,
    Rescale,
    Resize,
    ResizedCrop,
    Rotate,
    Saturation,
    Sharpness,
    Shear,
    Shift,
    Skew,
    Solarize,
    SomeOf,
    Sometimes,
    Standardize,
    Zoom,
)

MODES = ("nearest", "reflect", "constant", "wrap")

MOVES = [
    [Rotate(180)],
    [Shift(0.3, 0.2)],
    [Shift(3, Choice((2, -2)), "pixels")],
    [Shear(30)],
    [Skew(0.4, 0.2)],
    [Zoom(0.6, 1.6)],
    [Zoom(0.6, 1.6, proportional=True)],
    [Flip("horizontal"), Flip("vertical")],
    [ResizedCrop()],
    [Perspective(0.5)],
    [Elastic(0.1)],
    [Crop(20, 30)],
    [Crop(28, 44, padding=4)],
    [Resize(50, 30)],
    [Rotate(40), Shift(0.3, 0.2), Shear(15), Zoom(0.7, 1.4), Flip(), Perspective(0.2)],
    [Rotate(40), Shear(15), Zoom(0.7, 1.4), Flip(), Elastic(0.05)],
]

COLOURS = [
    [Brightness((0.5, 1.5))],
    [Contrast((0.5, 1.5))],
    [Saturation((0, 2))],
    [Hue(90)],
    [Grayscale()],
    [Invert()],
    [ChannelShift(40)],
    [ChannelShift(40, per_channel=True)],
    [ChannelShiftWithin(30)],
    [BrightnessInBytes((0.3, 1.8))],
    [Gamma((0.5, 2))],
    [Solarize((0, 256))],
    [Posterize(Choice((1, 4, 8)))],
    [AutoContrast()],
    [Equalize()],
    [Sharpness((0, 2))],
    [Blur((0, 2))],
    [Noise((0, 20))],
    [Occlude(5)],
    [Erase()],
    [GridMask()],
    [Rescale(1 / 255)],
    [Center()],
    [Center(), Standardize()],
    [Normalize((100, 110, 120), (50, 60, 70))],
    [Brightness((0.5, 1.5)), Contrast((0.5, 1.5)), Hue(60), Contrast(0.7), ChannelShift(20)],
    [Gamma(0.8), Contrast((0.5, 1.5)), Gamma((1, 2)), Brightness(1.4)],
    [OneOf([Equalize(), Sharpness(2), [Blur((0, 2)), Noise(3)]])],
    [SomeOf(2, [Posterize(4), Solarize((0, 256)), Grayscale()])],
    [Sometimes(0.5, [Brightness(0.5), Sometimes(0.5, [Invert()])])],
    [Blend([[Rotate(20), Invert()], [Skew(0.2)]])],
]


def names(policies):
    """Names for the cases."""
    return ["+".join(type(each).__name__ for each in policy) for policy in policies]


def pictures(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise: the hardest picture to resample."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)
