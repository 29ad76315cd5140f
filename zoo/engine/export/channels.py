"""Layers that work along the channels of a map, in forms that ONNX can keep channels first.

Keras computes a Dense layer on a map as a product of matrices and a layer normalisation as steps
with shapes of their own, both on the last axis. tf2onnx then transposes the map before and after
each of them. A 1x1 convolution and plain means are the same numbers without that.
"""

from __future__ import annotations

import keras
from keras import layers, ops


class Pointwise(layers.Dense):
    """A Dense layer on a map, as a 1x1 convolution."""

    def call(self, maps: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """Apply it to maps [N, h, w, channels]."""
        kernel = ops.reshape(self.kernel, (1, 1, *self.kernel.shape))
        maps = ops.conv(maps, kernel, padding="valid")
        return self.activation(maps + self.bias if self.use_bias else maps)


class Normalized(layers.LayerNormalization):
    """A layer normalisation over the channels of a map, as plain means."""

    def call(self, maps: keras.KerasTensor) -> keras.KerasTensor:
        """Apply it to maps [N, h, w, channels]."""
        centred = maps - ops.mean(maps, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        maps = centred * ops.rsqrt(variance + self.epsilon)
        maps = maps * self.gamma if self.scale else maps
        return maps + self.beta if self.center else maps


def form(layer: keras.Layer) -> type[keras.Layer]:
    """The class to rebuild a layer as.

    Args:
        layer: A layer of a model.

    Returns:
        One of the above, or the layer's own class.
    """
    on_map = isinstance(layer.output, keras.KerasTensor) and len(layer.output.shape) == 4
    if on_map and type(layer) is layers.Dense:
        return Pointwise
    if on_map and type(layer) is layers.LayerNormalization and layer.axis in (-1, 3, [-1], [3]):
        return Normalized
    return type(layer)
