"""The file itself, weight after weight, never the whole model in memory.

A protobuf message is the sequence of its fields. Those that hold the weights are written as they
come; all others are left to onnx. The result is byte for byte what onnx would serialise, had it
been given everything at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from zoo import __version__
from zoo.engine.export.graph import Graph, Weight
from zoo.errors import ExportError

LIMIT = 2**31 - 1
"""Bytes of a protobuf message: readers refuse a longer one."""

PRODUCER = "zoo"


def skeleton(graph: Graph, *, opset: int, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """A whole ONNX model but for its weights.

    Args:
        graph: The graph.
        opset: Version of the operator set.
        metadata: Names and values, kept in the order of their names.
    """
    opsets = [helper.make_opsetid("", opset)]
    model = onnx.ModelProto(
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name=PRODUCER,
        producer_version=__version__,
        opset_import=opsets,
        graph=onnx.GraphProto(
            name="model", node=graph.nodes, input=graph.inputs, output=graph.outputs
        ),
    )
    helper.set_model_props(model, dict(sorted(metadata.items())))
    return model


def write(path: Path, model: onnx.ModelProto, weights: Mapping[str, Weight]) -> str:
    """Write a model to a file.

    Args:
        path: Where to.
        model: The model without weights.
        weights: The weights, in the order in which they are to stand.

    Returns:
        The file's sha256.

    Raises:
        ExportError: If the file would be larger than one file can be.
    """
    headers = {name: _header(name, weight) for name, weight in weights.items()}
    initializers = {name: len(h) + weights[name].nbytes for name, h in headers.items()}
    field = onnx.GraphProto.INITIALIZER_FIELD_NUMBER
    before, after = _around(model.graph, field)
    size = len(before) + len(after)
    size += sum(len(_length(field, n)) + n for n in initializers.values())
    head, tail = _around(model, onnx.ModelProto.GRAPH_FIELD_NUMBER)
    if size > LIMIT:
        raise ExportError(
            f"the model takes {size / 1e9:.1f} GB, and one ONNX file holds at most "
            f"{LIMIT / 1e9:.1f} GB",
            "use a lighter head, such as one with pool=avg",
        )

    def parts() -> Iterator[bytes | memoryview]:
        yield head
        yield _length(onnx.ModelProto.GRAPH_FIELD_NUMBER, size)
        yield before
        for name, weight in weights.items():
            yield _length(field, initializers[name])
            yield headers[name]
            yield _content(weight)
        yield after
        yield tail

    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in parts():
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def _header(name: str, weight: Weight) -> bytes:
    """A TensorProto up to the bytes of its array, which are its last field."""
    kind = helper.np_dtype_to_tensor_dtype(weight.dtype)
    tensor = onnx.TensorProto(dims=weight.shape, data_type=kind, name=name)
    raw = _length(onnx.TensorProto.RAW_DATA_FIELD_NUMBER, weight.nbytes)
    return tensor.SerializeToString(deterministic=True) + raw


def _content(weight: Weight) -> memoryview:
    """The bytes of a weight, little endian and in C order."""
    array = np.ascontiguousarray(weight.read(), weight.dtype.newbyteorder("<"))
    return array.reshape(-1).view(np.uint8).data


def _around(message: onnx.ModelProto | onnx.GraphProto, number: int) -> tuple[bytes, bytes]:
    """What comes before and after a field in a serialised message that is without it."""
    before, after = type(message)(), type(message)()
    for field, value in message.ListFields():
        if field.number == number:
            continue
        part = before if field.number < number else after
        if field.is_repeated:
            getattr(part, field.name).extend(value)
        else:
            setattr(part, field.name, value)
    return (
        before.SerializeToString(deterministic=True),
        after.SerializeToString(deterministic=True),
    )


def _length(number: int, size: int) -> bytes:
    """Tag and length that precede a field of bytes (protobuf's wire type 2)."""
    return _varint(number << 3 | 2) + _varint(size)


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    return bytes((*result, value))
