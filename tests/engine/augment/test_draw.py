"""Draws are a function of seed, epoch, picture and slot: the same bits everywhere, and even."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo.engine.augment import oracle
from zoo.engine.augment.draw import bits, uniform


def _bits(seed, epoch, indices, slots=3):
    return bits(tf.constant(seed, tf.int64), tf.constant(epoch, tf.int64), indices, slots)


def test_the_bits_are_those_of_plain_python():
    indices = [0, 1, 7, 2**31 + 5]
    for seed, epoch in ((0, 0), (1, 0), (0, 1), (2**32 - 1, 12345)):
        expected = [[oracle.word(seed, epoch, i, slot) for slot in range(3)] for i in indices]
        drawn = _bits(seed, epoch, tf.constant(indices, tf.int64)).numpy()
        assert drawn.dtype == np.uint32
        np.testing.assert_array_equal(drawn, np.array(expected, np.uint32))


@pytest.mark.parametrize("jit", [False, True])
def test_graph_and_xla_draw_what_eager_draws(jit):
    indices = tf.range(64, dtype=tf.int64)
    compiled = tf.function(_bits, jit_compile=jit)
    np.testing.assert_array_equal(compiled(7, 2, indices), _bits(7, 2, indices))


def test_draws_are_even_and_unrelated():
    count = 100_000
    one, other = (
        uniform(_bits(11, epoch, tf.range(count, dtype=tf.int64))).numpy() for epoch in (0, 1)
    )
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
