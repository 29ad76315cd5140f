"""All that a plugin imports: types, transforms, hook marker, errors, what is asked of a model.

A part is a plain function, and this module gives it the words it needs. Nothing here imports Keras
or TensorFlow until it is called for, so a module of hooks may import it freely.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

from zoo.errors import (
    DataError,
    ExplainError,
    ExportError,
    ModelError,
    PluginError,
    PolicyError,
    SpecError,
    UnknownPart,
    WeightsError,
    ZooError,
)
from zoo.export_format import ExportFormat
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
    CutMix,
    Elastic,
    Equalize,
    Erase,
    Fill,
    Flip,
    Gamma,
    GeneratorMoves,
    Grayscale,
    GridMask,
    Hue,
    Invert,
    MixUp,
    Noise,
    Normalize,
    Occlude,
    OneOf,
    Perspective,
    Posterize,
    Range,
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
    Transform,
    Whiten,
    Zoom,
)
from zoo.width import scaled

if TYPE_CHECKING:
    import keras
    import numpy

    from zoo.engine.answer import ablated_scores, activations, masked_scores, scores
    from zoo.engine.baseline import neutral
    from zoo.engine.differentiate import gradient
    from zoo.engine.weights.source import cached

hookimpl = pluggy.HookimplMarker("zoo")
"""Marks a function of a hooks module as the implementation of the hook of that name."""

Tensor: TypeAlias = "keras.KerasTensor"
"""A symbolic tensor: what a backbone receives as `inputs` and a head returns as logits."""

Features: TypeAlias = "dict[str, keras.KerasTensor]"
"""Named taps of a backbone in order, [N,h,w,c] each; the last one is the default."""

Policy: TypeAlias = list[Transform]
"""What a policy returns: its transforms in the order in which a picture undergoes them."""

HeatMaps: TypeAlias = "numpy.ndarray"
"""What an interpreter returns: raw values, float32 [N,h,w]."""

_LAZY = {
    "ablated_scores": "zoo.engine.answer",
    "activations": "zoo.engine.answer",
    "cached": "zoo.engine.weights.source",
    "gradient": "zoo.engine.differentiate",
    "masked_scores": "zoo.engine.answer",
    "neutral": "zoo.engine.baseline",
    "scores": "zoo.engine.answer",
}

__all__ = [
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
    "DataError",
    "Elastic",
    "Equalize",
    "Erase",
    "ExplainError",
    "ExportError",
    "ExportFormat",
    "Features",
    "Fill",
    "Flip",
    "Gamma",
    "GeneratorMoves",
    "Grayscale",
    "GridMask",
    "HeatMaps",
    "Hue",
    "Invert",
    "MixUp",
    "ModelError",
    "Noise",
    "Normalize",
    "Occlude",
    "OneOf",
    "Perspective",
    "PluginError",
    "Policy",
    "PolicyError",
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
    "SpecError",
    "Standardize",
    "Tensor",
    "Transform",
    "UnknownPart",
    "WeightsError",
    "Whiten",
    "ZooError",
    "Zoom",
    "ablated_scores",
    "activations",
    "cached",
    "gradient",
    "hookimpl",
    "masked_scores",
    "neutral",
    "scaled",
    "scores",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
