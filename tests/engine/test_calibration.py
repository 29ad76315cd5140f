from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from zoo.engine import calibration


def drawn(temperature: float, count=4000, classes=4, seed=0):
    """Labels drawn from softmax(logits), and what a model says whose logits are off by a factor."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, classes))
    truth = special.softmax(logits, axis=1)
    labels = (truth.cumsum(axis=1) > random.random((count, 1))).argmax(axis=1)
    return special.softmax(logits * temperature, axis=1).astype("float32"), labels


def test_the_bins_are_those_of_scikit_learn():
    probabilities, labels = drawn(2.0)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    told = calibration.reliability(confidence, hit)

    right, sure = calibration_curve(hit, confidence, n_bins=calibration.BINS)
    assert np.allclose([row["accuracy"] for row in told["bins"]], right)
    assert np.allclose([row["confidence"] for row in told["bins"]], sure)
    weights = np.array([row["pictures"] for row in told["bins"]]) / len(labels)
    assert told["ece"] == pytest.approx((weights * np.abs(right - sure)).sum())
    assert sum(row["pictures"] for row in told["bins"]) == len(labels)


def test_four_pictures_by_hand():
    told = calibration.reliability(np.array([0.9, 0.9, 1.0, 0.55]), np.array([1, 0, 1, 1], bool))

    # |1.8 - 1|, |1 - 1| and |0.55 - 1| of four.
    assert told["ece"] == pytest.approx((0.8 + 0.0 + 0.45) / 4)


@pytest.mark.parametrize("sharpened", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(sharpened):
    probabilities, labels = drawn(sharpened)
    found = calibration.temperature(probabilities, labels)

    assert found == pytest.approx(sharpened, rel=0.05)
    reference = optimize.brute(
        lambda t: log_loss(labels, calibration.soften(probabilities, t[0])),
        [slice(0.2, 5, 0.01)],
        finish=None,
    )
    assert found == pytest.approx(reference, abs=0.01)
    softened = calibration.soften(probabilities, found)
    assert (softened.argmax(axis=1) == probabilities.argmax(axis=1)).all()


def test_without_a_mistake_the_temperature_stays_within_bounds():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = calibration.temperature(probabilities, np.array([0, 1]))
    assert found == pytest.approx(calibration.SHARPEST, rel=1e-2)
