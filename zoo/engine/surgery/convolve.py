"""Dense layers on a flattened map as convolutions, so that pictures of other sizes fit.

A Dense layer over a map of h x w places is a convolution whose kernel covers all of it: J. Long,
E. Shelhamer and T. Darrell, arXiv:1411.4038. On a larger picture it gives a map of scores, whose
mean is the answer; at the old size that map has one place and nothing has changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

from zoo.engine.export.network import Network
from zoo.engine.surgery.insert import precision
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.engine.surgery.select import LOGITS
from zoo.errors import SurgeryError

if TYPE_CHECKING:
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import Convolve

TOLERANCE = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}

PLACEWISE = (
    layers.Dropout,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Identity,
    layers.BatchNormalization,
)
"""Layers that do to each place of a map what they do to a vector."""


def convolve(model: keras.Model, step: Convolve, pictures: Pictures) -> Outcome:
    """Let a model take pictures of another size.

    Args:
        model: A flat model, with or without a flattened map.
        step: The new size.
        pictures: Not looked at.

    Returns:
        The outcome, whose answers at the old size are held to what they were.

    Raises:
        SurgeryError: The head does more than Dense layers can be turned for, or the size is too
            small.
    """
    stand_ins, kernels, after = _convolutions(model)
    same = rebuild(model, layers=stand_ins, after=after)
    for name, shape in kernels.items():
        kernel, *bias = model.get_layer(name).get_weights()
        stand_ins[name].set_weights([kernel.reshape(shape), *bias])
    size = step.input_size
    try:
        image = keras.Input((*size, model.input.shape[3]), name="image", dtype="float32")
        built = rebuild(same, image=image)
    except ValueError:
        old = "x".join(map(str, model.input.shape[1:3]))
        raise SurgeryError(
            f"pictures of {size[0]}x{size[1]} are too small: nothing is left of them at the head",
            f"the model was made for {old}; take at least that",
        ) from None
    known = built.zoo_anatomy
    built.zoo_anatomy = replace(known, preprocessing=_scaled(known.preprocessing, model, size))
    changed = [f"{name}: convolution {shape[0]}x{shape[1]}" for name, shape in kernels.items()]
    changed.append(f"input: {size[0]}x{size[1]}, was {'x'.join(map(str, model.input.shape[1:3]))}")
    return Outcome(built, tuple(changed), tolerance=TOLERANCE[precision(model)])


def _convolutions(
    model: keras.Model,
) -> tuple[dict[str, Any], dict[str, tuple[int, ...]], dict[str, list[keras.Layer]]]:
    """What takes each layer's place, the shapes of the new kernels, and the mean at the end."""
    stand_ins: dict[str, Any] = {}
    kernels: dict[str, tuple[int, ...]] = {}
    after: dict[str, list[keras.Layer]] = {}
    maps: dict[int, tuple[int, int]] = {}  # What is a map from now on, and its extent.
    for node in Network(model).nodes:
        layer, (source, *others) = node.operation, node.input_tensors
        if isinstance(layer, layers.Flatten) and len(source.shape) == 4:
            stand_ins[layer.name] = None
            maps[id(node.outputs[0])] = tuple(source.shape[1:3])
            continue
        if id(source) not in maps:
            continue
        extent = maps[id(source)]
        if type(layer) is layers.Dense and not others:
            channels = layer.kernel.shape[0] // (extent[0] * extent[1])
            kernels[layer.name] = (*extent, channels, layer.units)
            last = layer.name == LOGITS
            stand_ins[layer.name] = layers.Conv2D(
                layer.units,
                extent,
                activation=layer.activation,
                use_bias=layer.use_bias,
                dtype=layer.dtype_policy,
                name=f"{LOGITS}_map" if last else layer.name,
            )
            if last:
                after[LOGITS] = [layers.GlobalAveragePooling2D(dtype="float32", name=LOGITS)]
                continue
            maps[id(node.outputs[0])] = (1, 1)
        elif type(layer) in PLACEWISE and not others:
            if isinstance(layer, layers.BatchNormalization):
                if extent != (1, 1):
                    raise _beyond(layer)
                stand_ins[layer.name] = copy(layer, axis=-1)
            maps[id(node.outputs[0])] = extent
        else:
            raise _beyond(layer)
    for name, layer in stand_ins.items():
        if isinstance(layer, layers.BatchNormalization):
            layer.build((None, 1, 1, int(np.prod(model.get_layer(name).gamma.shape))))
            layer.set_weights(model.get_layer(name).get_weights())
    return stand_ins, kernels, after


def _beyond(layer: keras.Layer) -> SurgeryError:
    return SurgeryError(
        f"layer {layer.name!r} ({type(layer).__name__}) reads the flattened map; accepted between "
        "it and the classes are Dense layers, dropout and activations",
        "replace the head first: zoo surgery head --head linear:pool=avg",
    )


def _scaled(preprocessing: dict[str, Any], model: keras.Model, size: tuple[int, int]) -> Any:
    """How a picture comes to the new size: covering as much more than it as before."""
    if "cover" not in preprocessing:
        return preprocessing
    cover = [
        round(box * new / old)
        for box, new, old in zip(preprocessing["cover"], size, model.input.shape[1:3], strict=True)
    ]
    return {**preprocessing, "cover": cover}
