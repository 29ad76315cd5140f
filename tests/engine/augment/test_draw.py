"""Draws are a function of seed, epoch, picture and slot: the same bits everywhere, and even."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo.engine.augment import oracle
from zoo.engine.augment.device.colour import _mixed as mixed_by_tensorflow
from zoo.engine.augment.draw import _mixed, bits, uniform


def test_the_bits_are_those_of_plain_python():
    indices = [0, 1, 7, 2**31 + 5]
    for seed, epoch in ((0, 0), (1, 0), (0, 1), (2**32 - 1, 12345)):
        expected = [[oracle.word(seed, epoch, i, slot) for slot in range(3)] for i in indices]
        drawn = bits(seed, epoch, np.array(indices), 3)
        assert drawn.dtype == np.uint32
        np.testing.assert_array_equal(drawn, np.array(expected, np.uint32))


@pytest.mark.parametrize("jit", [False, True])
def test_tensorflow_and_xla_mix_the_same_bits(jit):
    words = np.arange(1, 2**32, 2**22 + 12345, dtype=np.uint32)
    compiled = tf.function(mixed_by_tensorflow, jit_compile=jit)
    np.testing.assert_array_equal(compiled(tf.constant(words)), _mixed(words))
    np.testing.assert_array_equal(mixed_by_tensorflow(tf.constant(words)), _mixed(words))


def test_draws_are_even_and_unrelated():
    count = 100_000
    one, other = (uniform(bits(11, epoch, np.arange(count), 3)) for epoch in (0, 1))
    assert one.min() >= 0
    assert one.max() < 1
    for slot in range(3):
        assert stats.kstest(one[:, slot], "uniform").pvalue > 0.001
    pairs = {
        "slots": (one[:, 0], one[:, 1]),
        "neighbours": (one[:-1, 0], one[1:, 0]),
        "epochs": (one[:, 0], other[:, 0]),
    }
    for name, (first, second) in pairs.items():
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.01, name
