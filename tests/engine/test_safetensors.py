"""Safetensors files written byte by byte here, sound ones and every way of being unsound."""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo.engine import safetensors
from zoo.errors import WeightsError

NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
FOUR = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


def file(folder: Path, header: object, body: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "model.safetensors"
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + body)
    return path


def written(folder: Path, tensors: dict[str, np.ndarray]) -> Path:
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, array in tensors.items():
        span = [len(body), len(body) + array.nbytes]
        header[name] = {
            "dtype": NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": span,
        }
        body += array.tobytes()
    return file(folder, header, body)


DTYPES = st.sampled_from(["<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "i1", "u1", "?"]).map(np.dtype)
ARRAYS = arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))


@given(tensors=st.dictionaries(st.text(max_size=8).filter(lambda n: n != "__metadata__"), ARRAYS))
def test_reads_back_what_was_written(tmp_path_factory, tensors):
    found = safetensors.read(written(tmp_path_factory.mktemp("round"), tensors))
    assert list(found) == list(tensors)
    assert len(found) == len(tensors)
    for name, array in tensors.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_reads_bfloat16(tmp_path):
    array = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    found = safetensors.read(written(tmp_path, {"w": array}))["w"]
    np.testing.assert_array_equal(found.astype("float32"), [1.5, -2.0])


def test_gives_views_that_cannot_be_written(tmp_path):
    view = safetensors.read(written(tmp_path, {"w": np.ones(4, "float32")}))["w"]
    assert isinstance(view, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 2


def test_order_of_the_spans_is_free(tmp_path):
    header = {
        "later": {"dtype": "U8", "shape": [1], "data_offsets": [2, 3]},
        "sooner": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
    }
    found = safetensors.read(file(tmp_path, header, bytes([7, 8, 9])))
    assert found["later"].tolist() == [9]
    assert found["sooner"].tolist() == [7, 8]


def four(**changed: object) -> dict[str, object]:
    return {"w": FOUR | changed}


UNSOUND = [
    (b"{}", b"", 3, "its header of 3 bytes is longer than the file or 16777216"),
    (b"{}", b"", 2**63, "its header of 9223372036854775808 bytes is longer than the file"),
    (b"[]", b"", None, "its header is no table of tensors"),
    (b"{'w'}", b"", None, "its header is no JSON: Expecting property name"),
    (b'{"\xff"}', b"", None, "its header is no JSON: 'utf-8' codec can't decode"),
    (b"[" * 100_000, b"", None, "its header is nested too deeply"),
    (b'{"w": 1, "w": 2}', b"", None, "its header is no JSON: a name stands in it twice"),
    (b'{"w": ' + b"9" * 5000 + b"}", b"", None, "its header is no JSON: Exceeds the limit"),
    ({"w": [1]}, b"", None, "tensor 'w' needs dtype, shape and data_offsets alone"),
    (four(more=1), bytes(16), None, "tensor 'w' needs dtype, shape and data_offsets alone"),
    (four(dtype="F8"), bytes(16), None, "tensor 'w' has the dtype 'F8', accepted: F64, F32, F16,"),
    (four(dtype=["F32"]), bytes(16), None, "tensor 'w' has the dtype ['F32'], accepted: F64"),
    (four(shape=[2, -2]), bytes(16), None, "tensor 'w' has the shape [2, -2]"),
    (four(shape=[2, 2.0]), bytes(16), None, "tensor 'w' has the shape [2, 2.0]"),
    (four(shape=[4, True]), bytes(16), None, "tensor 'w' has the shape [4, True]"),
    (four(shape="22"), bytes(16), None, "tensor 'w' has the shape '22'"),
    (four(shape=[1] * 9), bytes(16), None, "tensor 'w' has the shape [1, 1, 1, 1, 1, 1, 1, 1, 1]"),
    (four(shape=[0, 2**70]), b"", None, "tensor 'w' has the shape [0, 1180591620717411303424]"),
    (four(shape=[2, 3]), bytes(16), None, "tensor 'w' has 16 bytes, its shape and dtype need 24"),
    (four(shape=[2**31 - 1] * 8), bytes(16), None, "tensor 'w' has 16 bytes, its shape and dtype"),
    (four(data_offsets=[0]), bytes(16), None, "tensor 'w' has the span [0]"),
    (four(data_offsets=[-16, 0]), bytes(16), None, "tensor 'w' has the span [-16, 0]"),
    (four(data_offsets=[16, 0]), bytes(16), None, "tensor 'w' has -16 bytes, its shape and dtype"),
    (four(data_offsets=[4, 20]), bytes(20), None, "tensor 'w' begins at byte 4, expected 0"),
    ({"v": FOUR, "w": FOUR}, bytes(16), None, "tensor 'w' begins at byte 0, expected 16"),
    (four(), bytes(15), None, "its tensors take 16 bytes, the file holds 15"),
    (four(), bytes(17), None, "its tensors take 16 bytes, the file holds 17"),
    ({}, b"hidden", None, "its tensors take 0 bytes, the file holds 6"),
]


@pytest.mark.parametrize(("header", "body", "length", "reason"), UNSOUND)
def test_unsound_files_are_refused_with_the_reason(tmp_path, header, body, length, reason):
    path = file(tmp_path, header, body, length)
    with pytest.raises(WeightsError) as caught:
        safetensors.read(path)
    assert caught.value.message.startswith(f"{path} is no sound safetensors file: {reason}")
    assert len(caught.value.message) < len(str(path)) + 300
    assert caught.value.hint == "fetch it again, or write it with safetensors.torch.save_file"


def test_stump_and_missing_file(tmp_path):
    path = tmp_path / "stump.safetensors"
    path.write_bytes(b"\x05")
    with pytest.raises(WeightsError, match="it ends after 1 of 8 bytes"):
        safetensors.read(path)
    with pytest.raises(WeightsError) as caught:
        safetensors.read(tmp_path / "none.safetensors")
    assert str(caught.value) == f"{tmp_path}/none.safetensors cannot be read: " + (
        "No such file or directory"
    )


@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
    end=st.integers(0, 10**6),
)
def test_altered_files_are_refused_or_read_and_nothing_else(tmp_path_factory, changes, end):
    tensors = {"a.weight": np.ones((2, 3), "float32"), "b": np.ones((), "int64")}
    path = written(tmp_path_factory.mktemp("altered"), tensors)
    content = bytearray(path.read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    path.write_bytes(content[: end % (len(content) + 1)])
    try:
        found = safetensors.read(path)
    except WeightsError:
        return
    assert sum(array.nbytes for array in found.values()) <= len(content)
