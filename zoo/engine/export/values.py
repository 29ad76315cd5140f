"""Where the numbers of a model come from: its variables, or the file that it was saved in.

A model that is only exported need not be filled: its layers are rebuilt from the file's
configuration, and each weight is read from the file at the moment it is written. Loading it in
full takes the file once, the variables once, and the largest weight twice more.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

from zoo.engine.export.graph import Weight
from zoo.engine.weights import reader
from zoo.engine.weights.deferred import aligned
from zoo.errors import ModelError

Values = Callable[[keras.Variable], Weight]
"""Gives the weight of a variable."""


def held(variable: keras.Variable) -> Weight:
    """A variable as a weight that shares the variable's memory."""
    return Weight(
        tuple(variable.shape),
        np.dtype(variable.dtype),
        # The detour over a tensor shares the memory; numpy asked for the variable would copy.
        lambda: np.asarray(tf.convert_to_tensor(variable.value)),
        variable.path,
    )


@contextmanager
def saved(model: keras.Model, path: Path) -> Iterator[Values]:
    """Read a model's weights from its `.keras` file, one at a time.

    Args:
        model: The model of that file, whose variables hold nothing.
        path: The file.

    Yields:
        The values, while the file is open.

    Raises:
        ModelError: The file holds the weights in another form than layer by layer.
    """
    with _member(path) as stream, h5py.File(stream, "r") as file:
        yield _Saved(model, path, dict(reader.layers(file)))


LOADERS = {
    layer.load_own_variables
    for layer in (
        keras.Layer,
        keras.layers.Dense,
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
    )
}
"""How layers take up their variables one after another; Dense and convolutions have a way of their
own because of quantised forms."""


def reads(model: keras.Model) -> bool:
    """Whether a model's weights are all that its file holds of it, as for most layers of Keras.

    A layer that loads itself in another way, or holds layers of its own, must be loaded.

    Args:
        model: The model.
    """
    return all(
        type(layer).load_own_variables in LOADERS
        and not layer._layers
        and getattr(layer, "quantization_mode", None) is None
        for layer in model.layers
    )


class _Saved:
    """The values of a file."""

    def __init__(
        self, model: keras.Model, path: Path, found: Mapping[str, list[h5py.Dataset]]
    ) -> None:
        self._datasets: dict[int, h5py.Dataset] = {}
        for layer in model.layers:
            variables = layer.weights
            arrays = found.get(layer.name, [])
            given, wanted = [a.shape for a in arrays], [tuple(v.shape) for v in variables]
            if given != wanted:
                raise ModelError(
                    f"{path}: layer {layer.name!r} has weights of shapes {wanted}, "
                    f"the file has {given}"
                )
            self._datasets |= {id(v): a for v, a in zip(variables, arrays, strict=True)}

    def __call__(self, variable: keras.Variable) -> Weight:
        dataset, dtype = self._datasets[id(variable)], np.dtype(variable.dtype)
        read = lambda: aligned(dataset).astype(dtype, copy=False)  # noqa: E731
        return Weight(tuple(variable.shape), dtype, read, variable.path, fresh=True)


@contextmanager
def _member(path: Path) -> Iterator[io.RawIOBase]:
    """The weights inside a `.keras` file, where Keras stores them uncompressed."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(reader.WEIGHTS)
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
        # The lengths of the name and of the extra field, which follow the header.
        start = (
            info.header_offset
            + 30
            + sum(int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        )
        if info.compress_type == zipfile.ZIP_STORED:
            yield _Window(file, start, info.file_size)
            return
    with zipfile.ZipFile(path) as archive, archive.open(info) as stream:
        yield stream


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: io.BufferedReader, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        self._file.seek(self._start + self._at)
        count = self._file.readinto(memoryview(buffer)[: max(0, self._size - self._at)])
        self._at += count
        return count
