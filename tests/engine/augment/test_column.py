"""What is drawn has the stated distribution, for each picture by itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from zoo.engine.augment import compile
from zoo.transform import (
    Blend,
    Brightness,
    Choice,
    Contrast,
    CutMix,
    Flip,
    Gamma,
    Invert,
    MixUp,
    OneOf,
    Posterize,
    ResizedCrop,
    Rotate,
    Shift,
    SomeOf,
    Sometimes,
    Zoom,
)

COUNT = 20_000


def _drawn(*policy):
    return compile(policy).sample(7, 0, np.arange(COUNT)).T


EVEN = {
    "rotate, degrees": (Rotate(30), -30, 30),
    "shift right, share of width": (Shift((-0.1, 0.3), 0), -0.1, 0.3),
    "zoom, width": (Zoom(0.8, 1.5), 0.8, 1.5),
    "brightness": (Brightness((0.5, 1.5)), 0.5, 1.5),
    "gamma": (Gamma((0.9, 1.08)), 0.9, 1.08),
}


@pytest.mark.parametrize("name", EVEN)
def test_ranges_are_even(name):
    transform, low, high = EVEN[name]
    assert compile([transform]).columns[0].name == name
    assert compile([transform]).columns[0].ends == (low, high)
    assert stats.kstest(_drawn(transform)[0], stats.uniform(low, high - low).cdf).pvalue > 0.001


def test_a_crops_proportions_are_even_on_a_logarithmic_scale():
    ratio = np.log(_drawn(ResizedCrop(ratio=(0.5, 2)))[1])
    assert stats.kstest(ratio, stats.uniform(-np.log(2), 2 * np.log(2)).cdf).pvalue > 0.001


@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0, 3.0])
@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_mixing_weights_are_beta(kind, alpha):
    assert stats.kstest(_drawn(kind(alpha))[0], stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_choices_are_as_likely_as_they_say():
    bits = _drawn(Posterize(Choice((2, 4, 4, 8))))[0]
    values, counts = np.unique(bits, return_counts=True)
    np.testing.assert_array_equal(values, [2, 4, 8])
    np.testing.assert_allclose(counts / COUNT, [0.25, 0.5, 0.25], atol=0.015)
    assert abs(_drawn(Flip(probability=0.3))[0].mean() - 0.3) < 0.015
    which = _drawn(OneOf([Invert(), Gamma(2.0), Contrast(0.5)]))[0]
    np.testing.assert_allclose(np.bincount(which.astype(int)) / COUNT, 1 / 3, atol=0.015)


def test_some_of_takes_that_many_different_ones_each_as_often():
    flags = _drawn(SomeOf(2, [Invert(), Gamma(2.0), Contrast(0.5), Rotate(5)]))[:4]
    np.testing.assert_array_equal(flags.sum(axis=0), 2)
    np.testing.assert_allclose(flags.mean(axis=1), 0.5, atol=0.015)


def test_weights_of_chains_are_even_among_all_that_sum_to_one():
    plan = compile([Blend([[Invert()], [Gamma(2.0)], [Contrast(0.5)]])])
    rows = plan.prepare(plan.sample(7, 0, np.arange(COUNT)), 8, 8)
    weights = rows[:, plan.program.steps[0].at][:, 2:]
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    # The marginal of Dirichlet(1, 1, 1).
    assert stats.kstest(weights[:, 0], stats.beta(1, 2).cdf).pvalue > 0.001


def test_nothing_drawn_for_a_picture_is_related_to_anything_else():
    policy = [Rotate(30), Shift(0.1, 0.1), OneOf([Invert(), Gamma((1, 2))]), Flip()]
    drawn = _drawn(*policy, Sometimes(0.5, [Contrast((0.5, 1.5))]))
    related = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(related).max() < 0.03
    for column in drawn:
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 0.03


def test_what_is_chosen_leaves_other_draws_as_they_are():
    """All columns are drawn whatever is chosen, so that runs can be compared."""
    on = _drawn(Sometimes(1.0, [Rotate(30)]), Flip())
    off = _drawn(Sometimes(0.0, [Rotate(30)]), Flip())
    np.testing.assert_array_equal(on[1:], off[1:])
