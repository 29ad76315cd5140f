"""What an augmentation policy is made of: transforms as plain data, compiled by the engine.

A policy returns a list of these, in the order in which a picture undergoes them. They hold
ranges, not draws: which angle a picture gets is a function of seed, epoch and its index.
"""

from zoo.transform.base import Choice, Range, Transform
from zoo.transform.choose import Blend, OneOf, SomeOf, Sometimes
from zoo.transform.colour import (
    AutoContrast,
    Blur,
    Brightness,
    BrightnessInBytes,
    ChannelShift,
    ChannelShiftWithin,
    Contrast,
    Equalize,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    Noise,
    Posterize,
    Saturation,
    Sharpness,
    Solarize,
)
from zoo.transform.document import digest, document, read, stored
from zoo.transform.geometry import (
    Crop,
    Elastic,
    Fill,
    FillMode,
    Flip,
    GeneratorMoves,
    Perspective,
    Resize,
    ResizedCrop,
    Rotate,
    Shear,
    Shift,
    Skew,
    Zoom,
)
from zoo.transform.mix import CutMix, MixUp
from zoo.transform.normal import Center, Normalize, Rescale, Standardize, Whiten
from zoo.transform.region import Erase, GridMask, Occlude

GEOMETRY = (
    Rotate, Shift, Shear, Skew, Zoom, Flip, ResizedCrop, Crop, Resize, Perspective, Elastic,
    GeneratorMoves,
)  # fmt: skip
COLOUR = (
    Brightness,
    Contrast,
    Saturation,
    Hue,
    Grayscale,
    Invert,
    ChannelShift,
    ChannelShiftWithin,
    BrightnessInBytes,
    Gamma,
    Solarize,
    Posterize,
    AutoContrast,
    Equalize,
    Sharpness,
    Blur,
    Noise,
)
REGION = (Occlude, Erase, GridMask)
NORMAL = (Rescale, Center, Standardize, Normalize, Whiten)
CHOOSE = (Sometimes, OneOf, SomeOf, Blend)
MIX = (MixUp, CutMix)

TRANSFORMS: tuple[type[Transform], ...] = (
    *GEOMETRY, Fill, *COLOUR, *REGION, *NORMAL, *CHOOSE, *MIX,
)  # fmt: skip
"""Every transform there is."""

__all__ = [
    "CHOOSE",
    "COLOUR",
    "GEOMETRY",
    "MIX",
    "NORMAL",
    "REGION",
    "TRANSFORMS",
    "AutoContrast",
    "Blend",
    "Blur",
    "Brightness",
    "BrightnessInBytes",
    "Center",
    "ChannelShift",
    "ChannelShiftWithin",
    "Choice",
    "Contrast",
    "Crop",
    "CutMix",
    "Elastic",
    "Equalize",
    "Erase",
    "Fill",
    "FillMode",
    "Flip",
    "Gamma",
    "GeneratorMoves",
    "Grayscale",
    "GridMask",
    "Hue",
    "Invert",
    "MixUp",
    "Noise",
    "Normalize",
    "Occlude",
    "OneOf",
    "Perspective",
    "Posterize",
    "Range",
    "Rescale",
    "Resize",
    "ResizedCrop",
    "Rotate",
    "Saturation",
    "Sharpness",
    "Shear",
    "Shift",
    "Skew",
    "Solarize",
    "SomeOf",
    "Sometimes",
    "Standardize",
    "Transform",
    "Whiten",
    "Zoom",
    "digest",
    "document",
    "read",
    "stored",
]
