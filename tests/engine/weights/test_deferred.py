"""Variables that begin with given values: nothing is drawn for them, all others are as ever."""

from __future__ import annotations

import h5py
import keras
import numpy as np
import pytest

from zoo.engine.weights.deferred import ALIGNMENT, aligned, deferred, put, settle


def test_nothing_is_drawn_for_what_is_put() -> None:
    drawn = []

    def initializer(shape, dtype=None):
        drawn.append(tuple(shape))
        return keras.ops.ones(shape, dtype)

    values = np.arange(6, dtype="float32").reshape(2, 3)
    with deferred():
        inputs = keras.Input((2,))
        layer = keras.layers.Dense(3, kernel_initializer=initializer, bias_initializer=initializer)
        model = keras.Model(inputs, layer(inputs))
    put(layer.kernel, values)
    assert drawn == []
    settle()
    assert drawn == [(3,)]  # the bias, for which nothing was put
    np.testing.assert_array_equal(layer.kernel, values)
    np.testing.assert_array_equal(model(np.eye(2, dtype="float32")), values + 1)
    put(layer.kernel, 2 * values)  # by now it has a value, which is replaced
    np.testing.assert_array_equal(layer.kernel, 2 * values)


def test_values_in_their_own_memory_can_be_trained() -> None:
    values = aligned(np.arange(6, dtype="float32").reshape(2, 3))
    expected = values + 1
    with deferred():
        layer = keras.layers.Dense(3, use_bias=False)
        layer.build((None, 2))
    put(layer.kernel, values)
    settle()
    del values
    layer.kernel.assign_add(np.ones((2, 3), "float32"))
    np.testing.assert_array_equal(layer(np.eye(2, dtype="float32")), expected)
    layer.kernel.assign(2 * expected)
    np.testing.assert_array_equal(layer.kernel, 2 * expected)


def test_what_is_left_is_drawn_as_without_deferring() -> None:
    def kernel() -> np.ndarray:
        keras.utils.set_random_seed(3)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        settle()
        return layer.kernel.numpy()

    expected = kernel()
    with deferred():
        keras.utils.set_random_seed(3)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
    settle()
    np.testing.assert_array_equal(layer.kernel, expected)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype="float32").reshape(2, 3, 4).transpose(2, 0, 1),
        np.array(7, "int32"),
        np.zeros((0, 3), "float16"),
    ],
)
def test_a_copy_begins_where_it_has_to(tmp_path, array: np.ndarray) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for source in (array, file.create_dataset("a", data=array)):
            copy = aligned(source)
            np.testing.assert_array_equal(copy, array)
            assert copy.dtype == array.dtype
            assert copy.ctypes.data % ALIGNMENT == 0 or not copy.size
            assert not np.shares_memory(copy, array)
