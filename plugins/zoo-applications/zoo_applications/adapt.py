"""A model of keras.applications as a backbone: flat, named alike every time, without preprocessing.

keras.applications leaves many layers to be named by a counter of the process, so that the first
convolution of a second InceptionV3 is called `conv2d_94`. It nests Sequential models in ConvNeXt,
joins maps by operators that are no layers, and builds its normalisation into some models. While a
constructor runs here, its module sees other `layers`, which mend these four things.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

from zoo.api import Features, Tensor

# How pixels are scaled belongs to the weights, and zoo puts it before the backbone.
PREPROCESSING = ("Rescaling", "Normalization")

_lock = threading.Lock()


def adapt(
    constructor: Callable[..., keras.Model], inputs: Tensor, taps: dict[str, str], **options: Any
) -> Features:
    """Build a model of keras.applications on our input and give its taps.

    Args:
        constructor: Such as `keras.applications.InceptionV3`.
        inputs: Normalised pictures [N, h, w, 3].
        taps: Tap name to a regular expression of layer names; the last layer that matches is
            the tap.
        options: Further arguments of the constructor.

    Returns:
        Taps in order, the last one the model's output.
    """
    with _mended(sys.modules[constructor.__module__]):
        model = constructor(include_top=False, weights=None, input_tensor=inputs, **options)
    return {tap: _last(model, pattern).output for tap, pattern in taps.items()}


def _last(model: keras.Model, pattern: str) -> layers.Layer:
    matching = [layer for layer in model.layers if re.fullmatch(pattern, layer.name)]
    if not matching:
        raise ValueError(f"this release of Keras has no layer {pattern!r} in {model.name}")
    return matching[-1]


class _Layers:
    """`keras.layers`, but a layer without a name gets the same one in every model."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        if kind in PREPROCESSING:
            return lambda *args, **kwargs: lambda x: x
        make = getattr(layers, kind)

        def named(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
            return make(*args, name=name or self.name(kind), **kwargs)

        return named

    def name(self, kind: str) -> str:
        """The next name for a layer of this kind."""
        # A prefix, since a bare `conv2d_1` is what Keras calls a layer that a user adds.
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", kind).lower()
        self._counts[snake] += 1
        return f"backbone_{snake}_{self._counts[snake]}"


@contextmanager
def _mended(module: Any) -> Iterator[None]:
    """Let a module of keras.applications, and those it builds on, make layers as zoo needs them."""
    family = module.__name__.rpartition(".")[0]
    ours = _Layers()
    substitutes = {
        "layers": ours,
        "Sequential": _chain,
        "ConvNeXtBlock": _convnext_block,
        "CustomScaleLayer": _scale(ours),
        "hard_sigmoid": lambda x: ours.Activation("hard_sigmoid")(x),
    }
    with _lock:
        changed = [
            (each, name, vars(each)[name])
            for path, each in list(sys.modules.items())
            if path.startswith(f"{family}.")
            for name in substitutes
            if name in vars(each)
        ]
        for each, name, _ in changed:
            setattr(each, name, substitutes[name])
        try:
            yield
        finally:
            for each, name, original in changed:
                setattr(each, name, original)


def _chain(members: list[layers.Layer], name: str) -> Callable[[Tensor], Tensor]:
    """The layers of a Sequential model, without the model."""

    def apply(x: Tensor) -> Tensor:
        for layer in members:
            x = layer(x)
        return x

    return apply


def _convnext_block(
    projection_dim: int,
    drop_path_rate: float = 0.0,
    layer_scale_init_value: float = 1e-6,
    name: str = "",
) -> Callable[[Tensor], Tensor]:
    """The block of arXiv:2201.03545 as in Keras, of layers that run anywhere and can be taps."""
    if drop_path_rate:
        raise ValueError("keras.applications trains ConvNeXt without stochastic depth")
    scale = vars(sys.modules[keras.applications.ConvNeXtTiny.__module__])["LayerScale"]

    def apply(inputs: Tensor) -> Tensor:
        # Keras has a Conv2D of as many groups as channels, which TensorFlow cannot run on CPUs:
        # Keras has XLA compile a function anew for each call that is not traced.
        x = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise_conv")(inputs)
        x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_layernorm")(x)
        x = layers.Dense(4 * projection_dim, name=f"{name}_pointwise_conv_1")(x)
        x = layers.Activation("gelu", name=f"{name}_gelu")(x)
        x = layers.Dense(projection_dim, name=f"{name}_pointwise_conv_2")(x)
        x = scale(layer_scale_init_value, projection_dim, name=f"{name}_layer_scale")(x)
        return layers.Add(name=f"{name}_add")([inputs, x])

    return apply


def _scale(ours: _Layers) -> Callable[[float], Callable[[list[Tensor]], Tensor]]:
    """`x + scale * y`, the residual of Inception-ResNet, in layers that every zoo can load."""

    def make(scale: float) -> Callable[[list[Tensor]], Tensor]:
        def apply(inputs: list[Tensor]) -> Tensor:
            x, y = inputs
            y = layers.Rescaling(scale, name=ours.name("Rescaling"))(y)
            return layers.Add(name=ours.name("Add"))([x, y])

        return apply

    return make
