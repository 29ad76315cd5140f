"""Flattened maps read in the order in which ONNX keeps them.

Keras flattens height, width, channels; ONNX keeps channels, height, width, and would transpose
every map before flattening it. Where only a Dense layer reads the vector, the rows of its kernel
are put in the other order once and for all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import keras
from keras import layers

from zoo.engine.export.graph import Weight
from zoo.engine.export.network import Network, channels_last

Shape = tuple[int, int, int]

TRANSPARENT = (layers.Dropout, layers.Identity)
"""Layers through which the order of a vector passes unchanged."""


@dataclass
class Plan:
    """Which layers of a model work in the other order.

    Args:
        flattens: Flatten layers that read a map channels first.
        kernels: By Dense layer, the map [height, width, channels] whose vector it reads.
    """

    flattens: set[str] = field(default_factory=set)
    kernels: dict[str, Shape] = field(default_factory=dict)

    def flatten(self, tensor: keras.KerasTensor) -> keras.KerasTensor:
        """Flatten a map [N, h, w, c] channels first."""
        tensor = keras.ops.transpose(tensor, (0, 3, 1, 2))
        channels, height, width = tensor.shape[1:]
        return keras.ops.reshape(tensor, (-1, channels * height * width))

    def kernel(self, layer: keras.Layer, kernel: Weight) -> Weight:
        """The kernel [inputs, units] of a Dense layer, its rows in the order of its inputs."""
        if layer.name not in self.kernels:
            return kernel
        height, width, channels = self.kernels[layer.name]
        return kernel.mapped(
            kernel.shape,
            lambda array: (
                array.reshape(height, width, channels, -1)
                .transpose(2, 0, 1, 3)
                .reshape(array.shape)
            ),
        )


def plan(model: keras.Model) -> Plan:
    """Find the flattened maps that only a Dense layer reads.

    Args:
        model: A flat functional model.
    """
    network = Network(model)
    result = Plan()
    for node in network.nodes:
        layer = node.operation
        if type(layer) is not layers.Flatten or not channels_last(layer):
            continue
        shape = tuple(node.input_tensors[0].shape[1:])
        reader = network.follower(node.outputs[0], past=TRANSPARENT)
        if network.called_once(layer) and type(reader) is layers.Dense and len(shape) == 3:
            result.flattens.add(layer.name)
            result.kernels[reader.name] = shape
    return result
