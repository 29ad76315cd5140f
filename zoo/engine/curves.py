"""Curves over every threshold of a classifier, thinned to what can be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

POINTS = 201
"""Points of a curve that are kept."""


def binary(labels: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """ROC and precision-recall of two classes.

    Args:
        labels: 1 for the second class, 0 for the first, [N]; both occur.
        scores: Probability of the second class, [N].

    Returns:
        `roc` with `auc`, `false_positive` and `true_positive` rates; `precision_recall` with
        `average_precision`, `precision` and `recall`.
    """
    false, true, _ = roc_curve(labels, scores)
    precision, recall, _ = precision_recall_curve(labels, scores)
    chosen, picked = _thin(len(false)), _thin(len(precision))
    return {
        "roc": {
            "auc": float(roc_auc_score(labels, scores)),
            "false_positive": false[chosen].tolist(),
            "true_positive": true[chosen].tolist(),
        },
        "precision_recall": {
            "average_precision": float(average_precision_score(labels, scores)),
            "precision": precision[picked].tolist(),
            "recall": recall[picked].tolist(),
        },
    }


def risk_coverage(confidence: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    """What accuracy is had by answering only where the model is surest.

    After Y. Geifman and R. El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS
    2017, arXiv:1705.08500.

    Args:
        confidence: Probability of the predicted class, [N].
        hit: Whether it was the right one, bool [N].

    Returns:
        `coverage`, the share of pictures answered, `accuracy` on them, and `aurc`, the mean risk
        (1 - accuracy) over all coverages; lower is better.
    """
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    accuracy = np.cumsum(hit[order]) / answered
    chosen = _thin(len(order))
    return {
        "aurc": float((1 - accuracy).mean()),
        "coverage": (answered / len(order))[chosen].tolist(),
        "accuracy": accuracy[chosen].tolist(),
    }


def _thin(count: int) -> np.ndarray:
    """Places of up to `POINTS` of so many points, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))
