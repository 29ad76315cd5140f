"""Inception v1 against published counts, its own arithmetic and a second way to pool."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from zoo_inception.inception_v1 import BLOCKS, inception_v1

import zoo
from zoo.engine import anatomy


def test_has_the_parameters_of_torchvision() -> None:
    model = zoo.build("inception-v1+linear:dropout=0.2")
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert trainable == 6_624_904
    assert model.count_params() == 6_624_904 + 14_560


def test_paper_variant_has_the_parameters_of_table_1() -> None:
    inputs = keras.Input((224, 224, 3))
    model = keras.Model(inputs, list(inception_v1(inputs, variant="paper").values())[-1])
    count = 7 * 7 * 3 * 64 + 64 + 64 * 64 + 64 + 9 * 64 * 192 + 192
    channels = 192
    for a, b, c, d, e, f in BLOCKS.values():
        kernels = channels * (a + b + d + f) + 9 * b * c + 25 * d * e
        count += kernels + a + b + c + d + e + f
        channels = a + c + e + f
    assert model.count_params() == count
    assert channels == 1024


@pytest.mark.parametrize(
    ("size", "stem", "last"),
    [(224, "auto", 7), (225, "auto", 7), (56, "auto", 7), (64, "auto", 8), (64, "full", 2)],
)
def test_last_map_has_the_size_of_the_sources(size: int, stem: str, last: int) -> None:
    taps = inception_v1(keras.Input((size, size, 3)), width=0.0625, stem=stem)
    assert taps["inception5b"].shape[1:3] == (last, last)


@pytest.mark.parametrize("size", [12, 13, 14, 15])
def test_pools_keep_what_is_left_over(size: int) -> None:
    """As many places as torch's ceil_mode gives, and the same maxima."""
    model = zoo.build("inception-v1:stem=full:width=0.0625+linear", classes=3, input_size=16 * 4)
    pad, pool = model.get_layer("pool1_pad"), model.get_layer("pool1")
    x = np.random.default_rng(size).uniform(0, 1, (1, size, size, 4)).astype("float32")
    places = -(-(size - 3) // 2) + 1
    expected = np.stack(
        [
            np.stack(
                [x[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max((0, 1)) for j in range(places)]
            )
            for i in range(places)
        ]
    )
    np.testing.assert_array_equal(np.asarray(pool(pad(x)))[0], expected)


def test_every_block_is_a_tap() -> None:
    taps = list(anatomy.of(zoo.build("inception-v1:width=0.0625+linear", input_size=64)).taps)
    assert taps == ["conv1", "conv3", *BLOCKS]
