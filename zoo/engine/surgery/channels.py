"""Another number of input channels for the same first convolution."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import numpy as np

from zoo.engine.export.network import Network
from zoo.engine.surgery.insert import precision
from zoo.engine.surgery.outcome import Outcome
from zoo.engine.surgery.rebuild import copy, rebuild
from zoo.errors import SurgeryError

if TYPE_CHECKING:
    from zoo.engine.surgery.pictures import Pictures
    from zoo.surgery import AdaptChannels

TOLERANCE = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}


def adapt_channels(model: keras.Model, step: AdaptChannels, pictures: Pictures) -> Outcome:
    """Let a model of RGB pictures take grey ones, or ones of more channels.

    Args:
        model: A flat model of three channels.
        step: How many it is to take.
        pictures: Not looked at.

    Returns:
        The outcome. One channel answers as the grey picture in three did, a multiple of three as
        the picture repeated; any other number has no such like, and nothing is promised.

    Raises:
        SurgeryError: The model does not take three channels, or its first layer is no convolution.
    """
    height, width, have = model.input.shape[1:]
    if have != 3 or step.channels == 3:
        raise SurgeryError(
            f"the model takes {have} channels and is to take {step.channels}; "
            "accepted: from 3 to another number"
        )
    image = keras.Input((height, width, step.channels), name="image", dtype="float32")
    if step.channels == 1:
        spread = keras.layers.Concatenate(dtype="float32", name="grey_to_rgb")
        built = rebuild(model, image=image, entry=spread([image] * 3))
        changed = ["image: 1 channel, repeated three times"]
    else:
        built, changed = _widened(model, image, step.channels)
    exact = step.channels == 1 or step.channels % 3 == 0
    return Outcome(built, tuple(changed), tolerance=TOLERANCE[precision(model)] if exact else None)


def _widened(
    model: keras.Model, image: keras.KerasTensor, channels: int
) -> tuple[keras.Model, list[str]]:
    """The model with the kernels of its first convolution repeated over the new channels."""
    network = Network(model)
    first = network.follower(model.input, past=(keras.layers.Rescaling,))
    if not isinstance(first, keras.layers.Conv2D) or first.groups != 1:
        raise SurgeryError(
            "the input does not go straight into one convolution, whose kernels could be repeated"
        )
    cycle = np.arange(channels) % 3
    layers = {first.name: copy(first)}
    known = model.zoo_anatomy if hasattr(model, "zoo_anatomy") else None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Rescaling) and layer is not first:
            scale, offset = (
                np.broadcast_to(np.asarray(each, np.float64), (3,))[cycle].tolist()
                for each in (layer.scale, layer.offset)
            )
            layers[layer.name] = copy(layer, scale=scale, offset=offset)
    built = rebuild(model, layers=layers, image=image)
    kernel, *bias = first.get_weights()
    built.get_layer(first.name).set_weights([kernel[:, :, cycle] * (3 / channels), *bias])
    if known is not None:
        normalization = {
            **known.normalization,
            "order": "repeated rgb",
            **{key: [known.normalization[key][i] for i in cycle] for key in ("mean", "std")},
        }
        built.zoo_anatomy = replace(built.zoo_anatomy, normalization=normalization)
    return built, [f"{first.name}: kernels of 3 channels repeated over {channels}"]
