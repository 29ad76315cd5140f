"""Safetensors files read with numpy alone: a bounded header, then views into the mapped file.

The format: eight bytes with the length of the header, a JSON header that gives each tensor's
dtype, shape and byte span, then the tensors without gaps. Nothing in a file is executed, and
nothing is believed before it was checked (https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from zoo.errors import WeightsError

MAX_HEADER = 16 * 2**20
"""Bytes. A thousand tensors take a tenth of a megabyte."""

MAX_DIMENSIONS = 8
MAX_EXTENT = 2**31 - 1

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}


def read(path: Path) -> Tensors:
    """Open a safetensors file.

        tensors = safetensors.read(Path("model.safetensors"))
        tensors["conv1.weight"].shape

    Args:
        path: The file. It must not change while its tensors are in use.

    Returns:
        Its tensors by name, in the order of the file. None is read from disk before it is used.

    Raises:
        WeightsError: The file cannot be read or is not a whole, sound safetensors file.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(_exactly(file, 8, path), "little")
            if length > min(MAX_HEADER, size - 8):
                raise _unsound(
                    path, f"its header of {length} bytes is longer than the file or {MAX_HEADER}"
                )
            header = _parse(_exactly(file, length, path), path)
        spans = {name: _span(name, facts, path) for name, facts in header.items()}
        _check_tiling(spans, size - 8 - length, path)
        return Tensors(
            np.memmap(path, np.uint8, "r", 8 + length) if size > 8 + length else _NONE, spans, path
        )
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Span:
    """Where a tensor lies behind the header, and how to read it."""

    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class Tensors(Mapping[str, np.ndarray]):
    """The tensors of one file: names to read-only views into the file."""

    def __init__(self, buffer: np.ndarray, spans: Mapping[str, Span], path: Path) -> None:
        self._buffer = buffer
        self._spans = spans
        self.path = path

    def __getitem__(self, name: str) -> np.ndarray:
        span = self._spans[name]
        return self._buffer[span.begin : span.end].view(span.dtype).reshape(span.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)


_NONE = np.empty(0, np.uint8)


def _exactly(file: Any, count: int, path: Path) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise _unsound(path, f"it ends after {len(content)} of {count} bytes")
    return content


def _parse(header: bytes, path: Path) -> dict[str, Any]:
    """The entries of the header, without the free text that may stand beside them."""
    try:
        entries = json.loads(header.decode(), object_pairs_hook=_once)
    except RecursionError as error:
        raise _unsound(path, "its header is nested too deeply") from error
    except ValueError as error:  # not UTF-8, not JSON, a name twice, a number without end
        raise _unsound(path, f"its header is no JSON: {error}"[:200]) from error
    if not isinstance(entries, dict):
        raise _unsound(path, "its header is no table of tensors")
    entries.pop("__metadata__", None)
    return entries


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name stands in it twice")
    return entries


def _span(name: str, facts: Any, path: Path) -> Span:
    if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
        raise _unsound(path, f"tensor {_short(name)} needs dtype, shape and data_offsets alone")
    dtype, shape, offsets = facts["dtype"], facts["shape"], facts["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _unsound(
            path,
            f"tensor {_short(name)} has the dtype {_short(dtype)}, accepted: {', '.join(DTYPES)}",
        )
    if not _naturals(shape) or len(shape) > MAX_DIMENSIONS or max(shape, default=0) > MAX_EXTENT:
        raise _unsound(path, f"tensor {_short(name)} has the shape {_short(shape)}")
    if not _naturals(offsets) or len(offsets) != 2:
        raise _unsound(path, f"tensor {_short(name)} has the span {_short(offsets)}")
    begin, end = offsets
    needed = math.prod(shape) * DTYPES[dtype].itemsize
    if end - begin != needed:
        raise _unsound(
            path,
            f"tensor {_short(name)} has {end - begin} bytes, its shape and dtype need {needed}",
        )
    return Span(DTYPES[dtype], tuple(shape), begin, end)


def _check_tiling(spans: Mapping[str, Span], size: int, path: Path) -> None:
    """No gap in which something could hide, no overlap, nothing past the end."""
    position = 0
    for name, span in sorted(spans.items(), key=lambda item: (item[1].begin, item[1].end)):
        if span.begin != position:
            raise _unsound(
                path, f"tensor {_short(name)} begins at byte {span.begin}, expected {position}"
            )
        position = span.end
    if position != size:
        raise _unsound(path, f"its tensors take {position} bytes, the file holds {size}")


def _naturals(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _short(value: Any) -> str:
    return ascii(value) if len(ascii(value)) <= 80 else f"{ascii(value)[:77]}..."


def _unsound(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"{path} is no sound safetensors file: {reason}",
        "fetch it again, or write it with safetensors.torch.save_file",
    )
