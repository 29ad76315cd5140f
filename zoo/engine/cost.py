"""What a model costs: multiplications, activations, parameters and memory, stage by stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import dropwhile
from math import log2, prod
from typing import Any

import keras
from keras import layers

from zoo.engine import anatomy

TRAINING_BYTES = 16
"""Per trainable parameter: the float32 value, its gradient, and the two moments of Adam."""


@dataclass(frozen=True)
class Row:
    """The cost of one stage, for one picture.

    Args:
        stage: Name of the tap that ends it, or `head`.
        output: Height, width and channels of its last map; for the head the number of classes.
        layers: Number of layers.
        parameters: Numbers stored.
        trainable: Those that gradients reach.
        macs: Multiply-accumulates of one forward pass.
        activations: Numbers that the layers put out.
        activation_bytes: Their bytes in the dtype each layer computes in.
        largest_bytes: Bytes of the largest output of one layer.
    """

    stage: str
    output: tuple[int, ...]
    layers: int
    parameters: int
    trainable: int
    macs: int
    activations: int
    activation_bytes: int
    largest_bytes: int


@dataclass(frozen=True)
class Cost:
    """The cost of a model: its stages in order, for one picture."""

    rows: tuple[Row, ...]
    weight_bytes: int

    def total(self, quantity: str) -> int:
        """Sum of one quantity over the stages."""
        return sum(getattr(row, quantity) for row in self.rows)

    def training_bytes(self, batch_size: int) -> int:
        """Estimated memory of training at a batch size, with Adam.

        16 bytes a trainable parameter (value, gradient, two moments) + 4 a frozen one
        + batch x (the outputs of every stage from the first that trains on, which the backward
        pass reads + twice the largest output of all, for the gradients on the way). Four
        backbones on a CPU took between 0.8 and 1.4 times that; the workspace of convolutions and
        the fusing of layers differ between devices.

        Args:
            batch_size: Pictures in a step.

        Returns:
            Bytes.
        """
        trainable = self.total("trainable")
        frozen = self.total("parameters") - trainable
        kept = list(dropwhile(lambda row: not row.trainable, self.rows))
        maps = sum(row.activation_bytes for row in kept)
        maps += 2 * max(row.largest_bytes for row in self.rows)
        return TRAINING_BYTES * trainable + 4 * frozen + batch_size * maps

    def document(self) -> dict[str, Any]:
        """The cost as plain data, for JSON."""
        quantities = ("parameters", "trainable", "macs", "activations", "activation_bytes")
        return {
            "stages": [asdict(row) for row in self.rows],
            "total": {quantity: self.total(quantity) for quantity in quantities},
            "weight_bytes": self.weight_bytes,
        }


def of(model: keras.Model) -> Cost:
    """Count what a model costs for one picture.

    Args:
        model: A model of fixed input size.

    Returns:
        One row a stage of `anatomy.stages`, in order.
    """
    rows = [_row(stage, members) for stage, members in anatomy.stages(model).items()]
    return Cost(tuple(rows), sum(_bytes(variable) for variable in model.weights))


def layers_document(model: keras.Model) -> list[dict[str, Any]]:
    """Every layer as plain data: name, type, output for one picture, parameters and MACs."""
    return [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "output": list(layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "macs": macs(layer),
        }
        for layer in model.layers
    ]


def macs(layer: layers.Layer) -> int:
    """Multiply-accumulates of a layer for one picture; convolutions and Dense layers have some.

    Args:
        layer: A layer of a built model.

    Returns:
        The count; 0 for layers that only move, add or scale, as is the custom.
    """
    if isinstance(layer, layers.Dense):
        return prod(layer.kernel.shape) * prod(layer.output.shape[1:-1])
    if isinstance(layer, layers.SeparableConv2D):
        kernels = prod(layer.depthwise_kernel.shape) + prod(layer.pointwise_kernel.shape)
        return kernels * _places(layer.output)
    if isinstance(layer, layers.Conv2DTranspose):
        return prod(layer.kernel.shape) * _places(layer.input)
    if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
        # A kernel holds its inputs divided by groups already.
        return prod(layer.kernel.shape) * _places(layer.output)
    return 0


def declaration(model: keras.Model) -> dict[str, Any]:
    """What a manifest says of the backbone of a model.

    Args:
        model: Any head on the backbone, of its native size, with every option at its default.

    Returns:
        `parameters` and `macs` of the backbone, and `taps`: stride and channels by name. A stride
        is the power of two next to the quotient of sizes, whatever borders were cut off.
    """
    *rows, _ = of(model).rows
    height = model.input.shape[1]
    maps = {name: anatomy.tap_tensor(model, name).shape for name in anatomy.of(model).taps}
    return {
        "parameters": sum(row.parameters for row in rows),
        "macs": sum(row.macs for row in rows),
        "taps": {name: [2 ** round(log2(height / h)), c] for name, (_, h, _, c) in maps.items()},
    }


def _row(stage: str, members: list[layers.Layer]) -> Row:
    counts = [prod(layer.output.shape[1:]) for layer in members]
    sizes = [
        count * _itemsize(layer.output.dtype) for layer, count in zip(members, counts, strict=True)
    ]
    return Row(
        stage=stage,
        output=tuple(members[-1].output.shape[1:]),
        layers=len(members),
        parameters=sum(prod(v.shape) for layer in members for v in layer.weights),
        trainable=sum(prod(v.shape) for layer in members for v in layer.trainable_weights),
        macs=sum(macs(layer) for layer in members),
        activations=sum(counts),
        activation_bytes=sum(sizes),
        largest_bytes=max(sizes),
    )


def _places(tensor: keras.KerasTensor) -> int:
    return prod(tensor.shape[1:3])


def _bytes(variable: keras.Variable) -> int:
    return prod(variable.shape) * _itemsize(variable.dtype)


def _itemsize(dtype: str) -> int:
    return {"float16": 2, "bfloat16": 2, "float64": 8}.get(dtype, 4)
