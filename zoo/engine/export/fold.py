"""Batch normalisation dissolved into the linear layers around it, in float64, cast once.

At inference `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta` is a scale and a shift per
channel. Where a linear layer stands right before it, both go into that layer's kernel and bias
(Jacob et al., 2018, arXiv:1712.05877, section 3.2); so does a scaled residual's factor. Where only
dropout, flattening or averaging stands between it and a following Dense, they go there. Anywhere
else they stay, as one multiplication and one addition. It is done on the Keras model, before
tracing: in the traced graph the scale would be known only at run time, and the layout of the
tensors could not be carried across it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import keras
import numpy as np
from keras import layers

from zoo.engine.export.graph import Weight
from zoo.engine.export.network import Network, channels_last
from zoo.engine.export.values import Values, held

LINEAR = (layers.Dense, layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
"""Layers that take up a scale and shift of their outputs."""

TRANSPARENT = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.Identity,
    layers.Flatten,
    layers.GlobalAveragePooling2D,
)
"""Layers through which a scale and shift per channel passes unchanged at inference."""

BLOCK = 1 << 20
"""Elements of a kernel that are worked on at a time: 8 MB in float64."""


@dataclass(frozen=True)
class Affine:
    """A scale and a shift per channel, float64 [channels], or [1] for all alike."""

    scale: np.ndarray
    shift: np.ndarray

    def then(self, other: Affine) -> Affine:
        """Both in one, the other after this."""
        return Affine(self.scale * other.scale, self.shift * other.scale + other.shift)


@dataclass
class Plan:
    """Where every batch normalisation of a model goes.

    Args:
        values: Where the numbers of its variables come from.
        after: By linear layer, what follows it and is taken into it.
        before: By Dense layer, what precedes it and is taken into it.
        kept: By batch normalisation, what stays in its place.
        absorbed: Layers that are gone.
    """

    values: Values
    after: dict[str, Affine] = field(default_factory=dict)
    before: dict[str, Affine] = field(default_factory=dict)
    kept: dict[str, Affine] = field(default_factory=dict)
    absorbed: set[str] = field(default_factory=set)

    def changes(self, layer: keras.Layer) -> bool:
        """Whether a linear layer takes something up, and so needs a bias."""
        return layer.name in self.after or layer.name in self.before

    def weights(self, layer: keras.Layer) -> list[Weight]:
        """The weights of a layer in Keras' order, with what it takes up folded in.

        Args:
            layer: A layer of the model that the plan was made for.
        """
        weights = [self.values(variable) for variable in layer.weights]
        if not self.changes(layer):
            return weights
        bias = np.asarray(weights.pop().read(), np.float64) if layer.use_bias else 0.0
        *others, kernel = weights
        if layer.name in self.before:
            kernel, bias = _into_input(self.before[layer.name], kernel, bias)
        if layer.name in self.after:
            depthwise = isinstance(layer, layers.DepthwiseConv2D)
            channels = kernel.shape[-2:] if depthwise else kernel.shape[-1:]
            kernel, bias = _into_output(self.after[layer.name], kernel, bias, channels)
        return [*others, kernel, Weight.of(bias.astype(np.float32), f"{layer.name}/bias")]


def plan(model: keras.Model, values: Values = held, only: Collection[str] | None = None) -> Plan:
    """Decide where each batch normalisation of a model goes.

    Args:
        model: A flat functional model.
        values: Where the numbers of its variables come from.
        only: Names of the layers to dissolve; None for all that can be.

    Returns:
        The plan; the model is left as it was.
    """
    network = Network(model)
    result = Plan(values)
    # Tensors that are a linear layer's outputs, scaled and shifted or not.
    linear: dict[int, keras.Layer] = {}
    for node in network.nodes:
        layer = node.operation
        if type(layer) in LINEAR:
            if network.called_once(layer) and layer.activation is keras.activations.linear:
                linear[id(node.outputs[0])] = layer
            continue
        if type(layer) not in (layers.BatchNormalization, layers.Rescaling):
            continue
        if only is not None and layer.name not in only:
            continue
        (source,), (target,) = node.input_tensors, node.outputs
        if id(source) in linear and network.follower(source) is layer and channels_last(layer):
            base = linear[id(target)] = linear[id(source)]
            first = result.after.get(base.name)
            here = affine(layer, values)
            result.after[base.name] = first.then(here) if first else here
            result.absorbed.add(layer.name)
        elif type(layer) is layers.BatchNormalization:
            reader = network.follower(target, past=TRANSPARENT)
            if (
                type(reader) is layers.Dense
                and reader.name not in result.before
                and network.called_once(layer)
                and channels_last(layer)
            ):
                result.before[reader.name] = affine(layer, values)
                result.absorbed.add(layer.name)
            else:
                result.kept[layer.name] = affine(layer, values)
    return result


def affine(
    layer: keras.layers.BatchNormalization | keras.layers.Rescaling, values: Values = held
) -> Affine:
    """The scale and shift of a layer at inference.

    Args:
        layer: A built batch normalisation, with or without gamma and beta, or a rescaling.
        values: Where the numbers of its variables come from.
    """
    if isinstance(layer, layers.Rescaling):
        scale, shift = np.atleast_1d(np.float64(layer.scale), np.float64(layer.offset))
        return Affine(*np.broadcast_arrays(scale, shift))
    given = (layer.moving_mean, layer.moving_variance)
    mean, variance = (values(variable).read().astype(np.float64) for variable in given)
    gamma = values(layer.gamma).read().astype(np.float64) if layer.scale else 1.0
    beta = values(layer.beta).read().astype(np.float64) if layer.center else 0.0
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return Affine(scale, beta - mean * scale)


def _into_input(affine: Affine, kernel: Weight, bias: np.ndarray) -> tuple[Weight, np.ndarray]:
    """Take a scale and shift of the inputs into a Dense kernel [inputs, units] and its bias."""
    tiles = kernel.shape[0] // affine.scale.size  # Flatten repeats the channels at every place.
    scale, shift = np.tile(affine.scale, tiles)[:, None], np.tile(affine.shift, tiles)
    array = kernel.read()
    bias = bias + sum(shift[rows] @ array[rows].astype(np.float64) for rows in _blocks(array))
    del array
    return kernel.mapped(kernel.shape, lambda array: _scaled(array, scale, kernel.fresh)), bias


def _into_output(
    affine: Affine, kernel: Weight, bias: np.ndarray, channels: tuple[int, ...]
) -> tuple[Weight, np.ndarray]:
    """Take a scale and shift of the outputs into a kernel [..., *channels] and its bias."""
    scale = np.broadcast_to(affine.scale, np.prod(channels)).reshape(channels)
    # One axis more, as the kernel has, so that blocks of both can be taken alike.
    scale = scale.reshape((1,) * (len(kernel.shape) - len(channels)) + channels)
    bias = np.broadcast_to(bias * affine.scale + affine.shift, np.prod(channels))
    return kernel.mapped(kernel.shape, lambda array: _scaled(array, scale, kernel.fresh)), bias


def _scaled(array: np.ndarray, scale: np.ndarray, in_place: bool) -> np.ndarray:
    """`array * scale` in float64 block by block, cast once."""
    result = array if in_place else np.empty_like(array)
    for rows in _blocks(array):
        result[rows] = array[rows].astype(np.float64) * (scale if len(scale) == 1 else scale[rows])
    return result


def _blocks(array: np.ndarray) -> list[slice]:
    """Slices of the first axis that hold about `BLOCK` elements each."""
    rows = max(1, BLOCK * len(array) // array.size)
    return [slice(start, start + rows) for start in range(0, len(array), rows)]
