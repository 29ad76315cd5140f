from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from zoo.engine import curves


@pytest.fixture
def scored():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 5000)
    return labels, random.normal(labels, 1.2)


def test_thinned_curves_keep_their_areas(scored):
    told = curves.binary(*scored)

    roc = told["roc"]
    assert roc["auc"] == pytest.approx(roc_auc_score(*scored))
    assert auc(roc["false_positive"], roc["true_positive"]) == pytest.approx(roc["auc"], abs=2e-3)
    assert (roc["false_positive"][0], roc["true_positive"][-1]) == (0.0, 1.0)
    pr = told["precision_recall"]
    assert pr["average_precision"] == pytest.approx(average_precision_score(*scored))
    assert len(roc["false_positive"]) <= curves.POINTS >= len(pr["recall"])


def test_a_quarter_of_an_answer_by_hand():
    told = curves.risk_coverage(np.array([0.6, 0.9, 0.7, 0.8]), np.array([1, 1, 0, 1], bool))

    assert told["coverage"] == [0.25, 0.5, 0.75, 1.0]
    assert told["accuracy"] == pytest.approx([1.0, 1.0, 2 / 3, 3 / 4])
    assert told["aurc"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)


def test_of_a_million_answers_two_hundred_points_are_kept():
    random = np.random.default_rng(0)
    confidence = random.random(100_000)
    told = curves.risk_coverage(confidence, random.random(100_000) < confidence)

    assert len(told["coverage"]) == curves.POINTS
    # Whoever is right with probability c is right above c with (1 + c) / 2.
    cut = 1 - np.array(told["coverage"][20:])
    assert np.allclose(told["accuracy"][20:], (1 + cut) / 2, atol=0.01)
