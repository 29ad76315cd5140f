"""Minception against a second count of its parameters and identities of its blocks."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from zoo_inception.minception import minception

import zoo

# Kernel height, kernel width, channels in, channels out: the design, convolution by convolution.
STEM = [
    (3, 3, 3, 32),
    (3, 3, 32, 32),
    (3, 3, 32, 64),
    (3, 3, 64, 96),
    (1, 1, 160, 64),
    (3, 3, 64, 96),
    (1, 1, 160, 64),
    (7, 1, 64, 64),
    (1, 7, 64, 64),
    (3, 3, 64, 96),
    (3, 3, 192, 192),
]
BLOCK_A = [
    (1, 1, 384, 32),
    (1, 1, 384, 32),
    (3, 3, 32, 32),
    (1, 1, 384, 32),
    (3, 3, 32, 48),
    (3, 3, 48, 64),
    (1, 1, 64, 384),
    (1, 1, 448, 384),
]
REDUCTION = [(3, 3, 384, 256), (3, 3, 256, 256), (3, 3, 256, 384), (3, 3, 384, 384)]
BLOCK_B = [(1, 1, 1152, 192), (1, 1, 1152, 128), (1, 7, 128, 160), (7, 1, 160, 192)]
BLOCK_B += [(1, 1, 384, 1152)]


def _count(convolutions: list[tuple[int, int, int, int]]) -> int:
    return sum(h * w * a * b + 4 * b for h, w, a, b in convolutions)


def test_has_the_parameters_of_the_design() -> None:
    model = zoo.build("minception+linear:dropout=0.5", classes=200)
    backbone = _count(STEM + BLOCK_A + REDUCTION + 2 * BLOCK_B)
    assert model.count_params() == backbone + 1152 * 200 + 200
    assert model.get_layer("head_dropout").rate == 0.5


def test_published_listing_has_one_smaller_kernel() -> None:
    inputs = keras.Input((56, 56, 3))
    designed, published = (
        keras.Model(inputs, minception(inputs, published=flag)["block_a"]) for flag in (False, True)
    )
    assert designed.count_params() - published.count_params() == (9 - 1) * 32 * 32
    assert published.get_layer("block_a_2b_conv").kernel_size == (1, 1)


@pytest.mark.parametrize(("size", "last"), [(56, 4), (64, 4), (16, 1), (75, 5)])
def test_maps_have_the_sizes_of_same_padding(size: int, last: int) -> None:
    taps = minception(keras.Input((size, size, 3)), width=0.0625)
    eighth = -(-size // 8)
    assert [tuple(tap.shape[1:]) for tap in taps.values()] == [
        (eighth, eighth, 10 + 2 + 12),
        (eighth, eighth, 24),
        (last, last, 24 + 24 + 24),
    ]


def test_block_is_relu_of_its_input_plus_a_tenth_of_its_branches() -> None:
    inputs = keras.Input((16, 16, 3))
    taps = minception(inputs, width=0.0625)
    model = keras.Model(inputs, taps)
    probe = keras.Model(
        inputs, [taps["stem"], model.get_layer("block_a_project_bn").output, taps["block_a"]]
    )
    before, branches, after = probe.predict(_pictures(16), verbose=0)
    np.testing.assert_allclose(after, np.maximum(before + 0.1 * branches, 0), atol=1e-6)


def _pictures(size: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (2, size, size, 3)).astype("float32")
