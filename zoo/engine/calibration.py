"""How far a model's confidence can be believed, and the one number that mends most of it.

After C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On Calibration of Modern Neural Networks, ICML
2017, arXiv:1706.04599.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, special

BINS = 15
"""Equal intervals of confidence, as in the paper."""

SHARPEST, SOFTEST = 0.05, 20.0
"""Where a temperature is looked for. A set without a mistake would be sharpened without end."""

SMALLEST = np.finfo(np.float32).tiny


def reliability(confidence: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    """Compare how sure a model is with how often it is right.

    Args:
        confidence: Probability of the predicted class, 0..1, [N].
        hit: Whether it was the right one, bool [N].

    Returns:
        `ece`, the expected calibration error: the mean distance of the two over all pictures; and
        `bins`, those that hold any, each with `from`, `to`, `pictures`, the mean `confidence`
        and the `accuracy`.
    """
    place = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(int) - 1, 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    sure = np.bincount(place, confidence, BINS)
    right = np.bincount(place, hit, BINS)
    bins = [
        {
            "from": index / BINS,
            "to": (index + 1) / BINS,
            "pictures": int(count[index]),
            "confidence": float(sure[index] / count[index]),
            "accuracy": float(right[index] / count[index]),
        }
        for index in np.flatnonzero(count)
    ]
    return {"ece": float(np.abs(sure - right).sum() / len(confidence)), "bins": bins}


def soften(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the logits behind probabilities by a temperature.

    Args:
        probabilities: Float [N, classes].
        temperature: Above 1 for less sure answers; the order of the classes stays.

    Returns:
        Float64 [N, classes].
    """
    # The logarithm of a softmax is its logits but for a constant, which softmax takes out again.
    logs = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    softened: np.ndarray = special.softmax(logs / temperature, axis=1)
    return softened


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature under which some pictures' labels are likeliest.

    Args:
        probabilities: What the model answers for pictures that it did not learn from and is not
            judged by, float [N, classes].
        labels: Their true classes, int [N].

    Returns:
        A number from `SHARPEST` to `SOFTEST`; 1 changes nothing.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
    of_truth = logs[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        beta = np.exp(-log_temperature)
        return float((special.logsumexp(beta * logs, axis=1) - beta * of_truth).mean())

    bounds = (np.log(SHARPEST), np.log(SOFTEST))
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))
