from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
    roc_auc_score,
    top_k_accuracy_score,
)

from zoo.engine.metrics import EPSILON, Tally, wilson


def test_the_figures_of_six_pictures_by_hand():
    # True 0 0 0 1 1 2, predicted 0 0 1 1 0 2: four of six.
    labels = np.array([0, 0, 0, 1, 1, 2])
    probabilities = np.array(
        [
            [0.7, 0.2, 0.1],
            [0.5, 0.3, 0.2],
            [0.3, 0.6, 0.1],
            [0.1, 0.8, 0.1],
            [0.6, 0.3, 0.1],
            [0.2, 0.2, 0.6],
        ]
    )
    tally = Tally(["cat", "dog", "emu"])
    losses = tally.add(labels, probabilities)
    document = tally.document()

    assert losses == pytest.approx([-math.log(p) for p in (0.7, 0.5, 0.3, 0.8, 0.3, 0.6)])
    assert document["pictures"] == 6
    assert document["accuracy"] == pytest.approx(4 / 6)
    assert document["loss"] == pytest.approx(sum(losses) / 6)
    assert document["confusion"] == [[0, 0, 2], [0, 1, 1], [1, 0, 1], [1, 1, 1], [2, 2, 1]]
    cat, dog, emu = document["per_class"]
    assert cat == pytest.approx(
        {"class": "cat", "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3}
    )
    assert dog == pytest.approx(
        {"class": "dog", "precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2}
    )
    assert emu == pytest.approx(
        {"class": "emu", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    )
    assert document["macro"]["recall"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert "top5_accuracy" not in document


def test_two_classes_have_curves_and_balanced_accuracy_is_that_of_scikit_learn():
    random = np.random.default_rng(5)
    labels = random.integers(0, 2, 300)
    second = np.clip(random.normal(0.35 + 0.3 * labels, 0.2), 0.01, 0.99)
    probabilities = np.stack([1 - second, second], axis=1).astype("float32")
    tally = Tally(["cat", "dog"], temperature=2.0)
    tally.add(labels, probabilities)
    document = tally.document()

    assert document["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(labels, second > 0.5)
    )
    assert document["roc"]["auc"] == pytest.approx(roc_auc_score(labels, second), abs=1e-6)
    # Two logits z and 0 over 2: the odds are the square root of what they were.
    odds = np.sqrt(second / (1 - second))
    softened = document["calibration"]["softened"]
    assert softened["loss"] == pytest.approx(log_loss(labels, odds / (1 + odds)), rel=1e-5)
    one_sided = Tally(["cat", "dog"])
    one_sided.add(np.zeros(3, int), probabilities[:3])
    assert "roc" not in one_sided.document()


def test_the_cells_are_those_of_the_confusion_matrix_and_no_more_than_the_pictures():
    random = np.random.default_rng(6)
    labels = random.integers(0, 1000, 300)
    probabilities = random.dirichlet(np.ones(1000), 300).astype("float32")
    tally = Tally([str(number) for number in range(1000)])
    tally.add(labels, probabilities)
    cells = tally.document()["confusion"]

    matrix = np.zeros((1000, 1000), int)
    for truth, predicted, count in cells:
        matrix[truth, predicted] = count
    reference = confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(1000))
    assert np.array_equal(matrix, reference)
    assert len(cells) == np.count_nonzero(reference) <= 300


def test_batches_add_up_to_the_whole():
    random = np.random.default_rng(3)
    labels = random.integers(0, 8, 101)
    probabilities = random.dirichlet(np.ones(8), 101).astype("float32")
    whole, parts = Tally("abcdefgh"), Tally("abcdefgh")
    whole.add(labels, probabilities)
    for start in range(0, 101, 32):
        parts.add(labels[start : start + 32], probabilities[start : start + 32])

    assert parts.document() == whole.document()


def test_loss_and_top_five_agree_with_scikit_learn():
    random = np.random.default_rng(4)
    labels = random.integers(0, 9, 200)
    probabilities = random.dirichlet(np.ones(9), 200)
    tally = Tally([str(n) for n in range(9)])
    tally.add(labels, probabilities)
    document = tally.document()

    assert document["loss"] == pytest.approx(log_loss(labels, probabilities, labels=range(9)))
    assert document["top5_accuracy"] == pytest.approx(
        top_k_accuracy_score(labels, probabilities, k=5, labels=range(9))
    )


def test_a_class_without_pictures_does_not_enter_the_means():
    tally = Tally(["cat", "dog"])
    tally.add(np.array([0, 0]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    document = tally.document()

    assert document["per_class"][1]["support"] == 0
    assert document["macro"] == pytest.approx({"precision": 1.0, "recall": 0.5, "f1": 2 / 3})


def test_a_probability_of_zero_costs_what_keras_says():
    tally = Tally(["cat", "dog"])
    (loss,) = tally.add(np.array([1]), np.array([[1.0, 0.0]]))

    assert loss == pytest.approx(-math.log(EPSILON))


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (10, 10), (7, 10), (351, 360), (1, 3)])
def test_wilson_ends_solve_the_equation_that_defines_them(hits, trials):
    # The ends are the rates p at which |hits/trials - p| is z standard errors of p itself.
    z, rate = 1.959963984540054, hits / trials

    def distance(p: float) -> float:
        return (rate - p) ** 2 - z * z * p * (1 - p) / trials

    low, high = wilson(hits, trials)
    expected_low = 0.0 if hits == 0 else optimize.brentq(distance, 0.0, rate - 1e-12)
    expected_high = 1.0 if hits == trials else optimize.brentq(distance, rate + 1e-12, 1.0)

    assert low == pytest.approx(expected_low, abs=1e-9)
    assert high == pytest.approx(expected_high, abs=1e-9)


def test_wilson_matches_the_table():
    # 8 of 10: R's binom.confint(8, 10, methods = "wilson").
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-7)
