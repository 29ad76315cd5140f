"""Inception v3 in torchvision's graph: counts, sizes, and the pool that counts its border."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from zoo_inception.inception_v3 import inception_v3_torch


def test_has_the_published_number_of_parameters() -> None:
    inputs = keras.Input((75, 75, 3))
    *_, last = inception_v3_torch(inputs).values()
    model = keras.Model(inputs, last)
    trainable, statistics = (
        sum(int(np.prod(variable.shape)) for variable in variables)
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    assert trainable + 2048 * 1000 + 1000 == 23_834_568
    assert statistics == 34_432


@pytest.mark.parametrize(("size", "extents"), [(299, (35, 17, 8)), (75, (7, 3, 1))])
def test_maps_have_the_sizes_of_the_paper(size: int, extents: tuple[int, ...]) -> None:
    taps = inception_v3_torch(keras.Input((size, size, 3)), width=0.0625)
    assert tuple(taps[name].shape[1] for name in ("mixed_5d", "mixed_6e", "mixed_7c")) == extents
    assert len(taps) == 12


def test_average_of_a_corner_counts_the_border() -> None:
    """Of nine places in a corner, five lie outside."""
    inputs = keras.Input((75, 75, 3))
    model = keras.Model(inputs, inception_v3_torch(inputs, width=0.0625))
    ones = np.ones((1, 3, 3, 1), "float32")
    y = model.get_layer("mixed_5b_pool")(model.get_layer("mixed_5b_pool_pad")(ones))
    expected = np.array([[4, 6, 4], [6, 9, 6], [4, 6, 4]]) / 9
    np.testing.assert_allclose(y[0, :, :, 0], expected, atol=1e-6)
