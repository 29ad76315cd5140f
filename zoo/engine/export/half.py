"""16-bit floats: half the size, for GPUs and other processors that compute in them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from zoo.errors import ParityFailure

LARGEST = float(np.finfo(np.float16).max)


def write(source: Path, path: Path) -> None:
    """Write the 16-bit form of a model; its input and outputs keep their types.

    Args:
        source: The float32 model.
        path: The file to write.

    Raises:
        ParityFailure: A weight is larger than such a float can be.
    """
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        largest = float(np.abs(numpy_helper.to_array(tensor)).max(initial=0))
        if largest > LARGEST:
            raise ParityFailure(
                f"fp16 holds numbers up to {LARGEST:,.0f}, {tensor.name} reaches {largest:,.0f}",
                "export without fp16",
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers so small that they become 1e-7
        half = convert_float_to_float16(model, keep_io_types=True)
    del half.graph.value_info[:]
    path.write_bytes(half.SerializeToString(deterministic=True))
