"""An ONNX graph while it is being worked on: nodes, and weights that are read when written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


@dataclass(frozen=True)
class Weight:
    """An array of the model, produced on demand.

    Holding how an array is made, and not the array, is what keeps an export below a second copy
    of the model: one weight at a time passes through memory on its way to the file.

    Args:
        shape: Its shape.
        dtype: Its type.
        read: Makes the array. It may share memory with the Keras model: never written to.
        label: Name of the Keras variable it comes from, or "" if it belongs to none.
        fresh: Each reading makes an array of its own, which may be written to after all.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], np.ndarray]
    label: str = ""
    fresh: bool = False

    @classmethod
    def of(cls, array: np.ndarray, label: str = "") -> Weight:
        """Wrap an array that is at hand anyway, such as a bias."""
        return cls(array.shape, array.dtype, lambda: array, label)

    def mapped(self, shape: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]) -> Weight:
        """Change the array when it is read, into one of the same type and a known shape."""
        return Weight(shape, self.dtype, lambda: change(self.read()), self.label)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass
class Graph:
    """Nodes in an order in which they can run, and what they start from.

    Args:
        nodes: The operations.
        weights: Every constant by name, small ones too.
        inputs: What the caller feeds.
        outputs: What the caller gets, in order.
    """

    nodes: list[onnx.NodeProto]
    weights: dict[str, Weight]
    inputs: list[onnx.ValueInfoProto]
    outputs: list[onnx.ValueInfoProto]

    @classmethod
    def of(cls, proto: onnx.GraphProto, arguments: dict[str, Weight]) -> Graph:
        """Take a graph apart.

        Args:
            proto: A graph, some of whose inputs stand for weights.
            arguments: The weights, by the names of those inputs.
        """
        constants = {t.name: Weight.of(numpy_helper.to_array(t)) for t in proto.initializer}
        return cls(
            nodes=list(proto.node),
            weights=constants | arguments,
            inputs=[value for value in proto.input if value.name not in arguments],
            outputs=list(proto.output),
        )

    def declared(self) -> list[onnx.ValueInfoProto]:
        """Names, types and shapes of the weights, as a graph declares its inputs."""
        return [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(weight.dtype), weight.shape
            )
            for name, weight in self.weights.items()
        ]
