"""Variables whose first values come from a file, so that no random ones are drawn before.

Random values take as much memory as the weights, several times while they are drawn, and all of it
is thrown away. Keras knows variables without values: those that are made in a stateless scope. They
get one when the next such scope is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import keras
import numpy as np

ALIGNMENT = 64
"""Bytes. TensorFlow can work in the memory of arrays that begin at a multiple of it."""


@contextmanager
def deferred() -> Iterator[None]:
    """The variables of layers that are made inside have no values before `settle`."""
    with keras.StatelessScope(initialize_variables=False):
        yield


def put(variable: keras.Variable, values: np.ndarray) -> None:
    """Give a variable its values: those that it begins with if it has none yet."""
    if variable._value is None:
        variable._initializer = lambda shape, dtype: in_place(values, dtype)
    else:
        variable.assign(values)


def in_place(values: np.ndarray, dtype: str) -> Any:
    """A tensor in the very memory of an array, where that can be had, or else the array.

    Whatever else makes a tensor of an array copies it, TensorFlow twice.

    Args:
        values: The array, best as `aligned` gives it. It must not change any more.
        dtype: What the tensor shall be of.
    """
    fits = values.flags.c_contiguous and values.ctypes.data % ALIGNMENT == 0 and values.size
    if keras.backend.backend() != "tensorflow" or values.dtype != dtype or not fits:
        return values
    import tensorflow as tf

    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


def settle() -> None:
    """Give every variable without values those that were put, or else its initial ones."""
    with keras.StatelessScope():
        pass


def aligned(array: Any) -> np.ndarray:
    """Read an array or dataset into memory that need not be copied again.

    Args:
        array: An array, or a dataset of an HDF5 file.

    Returns:
        A copy that is nobody else's.
    """
    dtype, shape = np.dtype(array.dtype), tuple(array.shape)
    size = dtype.itemsize * int(np.prod(shape, dtype="int64"))
    memory = np.empty(size + ALIGNMENT, "uint8")
    start = -memory.ctypes.data % ALIGNMENT
    copy = memory[start : start + size].view(dtype).reshape(shape)
    if isinstance(array, h5py.Dataset) and size and shape:
        array.read_direct(copy)
    else:
        copy[...] = array[()]
    return copy
