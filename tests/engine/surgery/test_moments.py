from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo.engine.surgery.moments import Moments, stream


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, (12, 3), elements=st.floats(-1e6, 1e6)),
    st.lists(st.integers(1, 11), max_size=4),
)
def test_merged_in_any_pieces_they_are_those_of_the_whole(values, cuts):
    moments = Moments(3)
    for piece in np.split(values, sorted(set(cuts))):
        mean = piece.mean(axis=0)
        moments.merge(len(piece), mean, ((piece - mean) ** 2).sum(axis=0))

    assert moments.count == 12
    assert np.allclose(moments.mean, values.mean(axis=0), rtol=1e-9, atol=1e-6)
    assert np.allclose(moments.variance, values.var(axis=0), rtol=1e-9, atol=1e-2)


# 6 lines are summed at once; of 28 it is 14, and 17 have no divisor.
@pytest.mark.parametrize(("height", "offset"), [(6, 0.0), (6, 1000.0), (28, 1000.0), (17, 1000.0)])
def test_the_moments_of_maps_and_vectors_are_those_numpy_finds(height, offset):
    image = keras.Input((height, 5, 3), name="image")
    shifted = keras.layers.Rescaling(1.0, offset, name="shifted")(image)
    first = keras.layers.Activation("linear", name="map")(shifted)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(first)
    model = keras.Model(image, keras.layers.Activation("linear", name="vector")(pooled))
    pictures = np.random.default_rng(0).normal(3.0, 0.5, (50, height, 5, 3)).astype("float32")

    found = stream(model, ["map", "vector"], np.split(pictures, [7, 8, 31]))

    # float32 keeps 1000 + x to 6e-5, so what the network itself sees is the reference.
    seen = (pictures + np.float32(offset)).astype("float64")
    assert found["map"].count == 50 * height * 5
    assert np.allclose(found["map"].mean, seen.mean(axis=(0, 1, 2)), rtol=1e-7)
    assert np.allclose(found["map"].variance, seen.var(axis=(0, 1, 2)), rtol=1e-5)
    assert found["vector"].count == 50
    means = np.asarray(keras.Model(image, pooled)(pictures)).astype("float64")
    assert np.allclose(found["vector"].mean, means.mean(axis=0), rtol=1e-7)
    assert np.allclose(found["vector"].variance, means.var(axis=0), rtol=1e-5)
