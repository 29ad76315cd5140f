"""What a classifier is worth, counted picture by picture.

A `Tally` is fed batches and keeps a few numbers per picture, so that a million pictures cost some
thirty megabytes; scikit-learn turns them into curves and per-class figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from zoo.engine import calibration, curves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The smallest probability that enters a logarithm; the value Keras clips at.
EPSILON = 1e-7
# A standard normal lies within this many deviations of its mean 95 % of the time.
Z_95 = 1.959963984540054


def wilson(hits: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Interval that holds the true rate behind `hits` out of `trials`.

    Wilson's score interval stays inside 0..1 and is honest near both ends and for few pictures,
    where the usual plus-minus is not: E. B. Wilson, JASA 22 (1927), 209-212.

    Args:
        hits: Successes, 0..trials.
        trials: How many were tried, at least 1.
        z: Half width in standard deviations; the default gives 95 %.

    Returns:
        The lower and the upper end, both within 0..1.
    """
    rate = hits / trials
    shrink = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Observed:
    """What counts of a model's answers to one batch: a few numbers for each picture.

    Args:
        predicted: The likeliest class, int32 [N].
        confidence: Its probability, float32 [N].
        losses: In nats, float64 [N].
        in_five: How many true classes are among the five likeliest.
        second: Of two classes the probability of the second, float32 [N].
        softened: The confidence under a temperature, float32 [N]; None without one.
        softened_loss: The sum of the losses under it.
    """

    predicted: np.ndarray
    confidence: np.ndarray
    losses: np.ndarray
    in_five: int
    second: np.ndarray | None = None
    softened: np.ndarray | None = None
    softened_loss: float = 0.0

    def document(self) -> dict[str, Any]:
        """The numbers as plain data, from which `read` makes the same bits."""
        values = vars(self).items()
        return {
            key: each.tolist() if key in _KINDS and each is not None else each
            for key, each in values
        }

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Observed:
        """What `document` described."""
        return cls(
            **{
                key: np.array(value, _KINDS[key]) if key in _KINDS and value is not None else value
                for key, value in facts.items()
            }
        )


_KINDS = {
    "predicted": "int32",
    "confidence": "float32",
    "losses": "float64",
    "second": "float32",
    "softened": "float32",
}


def observe(
    labels: np.ndarray, probabilities: np.ndarray, temperature: float | None = None
) -> Observed:
    """Reduce a model's answers to what `Tally` counts.

    Args:
        labels: True classes, int [N], 0..classes-1.
        probabilities: The model's answers, finite, float [N, classes].
        temperature: Divides the logits for a second account of the confidence; None for none.
    """
    every = np.arange(len(labels))
    of_truth = probabilities[every, labels].astype("float64")
    rank = (probabilities > of_truth[:, None].astype(probabilities.dtype)).sum(axis=1)
    softened, softened_loss = None, 0.0
    if temperature is not None and len(labels):
        soft = calibration.soften(probabilities, temperature)
        softened = soft.max(axis=1).astype("float32")
        softened_loss = -float(np.log(np.clip(soft[every, labels], EPSILON, 1.0)).sum())
    return Observed(
        predicted=probabilities.argmax(axis=1).astype("int32"),
        confidence=probabilities.max(axis=1).astype("float32"),
        losses=-np.log(np.clip(of_truth, EPSILON, 1.0)),
        in_five=int((rank < 5).sum()),
        second=probabilities[:, 1].astype("float32") if probabilities.shape[1] == 2 else None,
        softened=softened,
        softened_loss=softened_loss,
    )


class Tally:
    """Labels, predictions and losses of the pictures seen so far.

    Args:
        classes: Names of the classes, in the order of the model's outputs.
        temperature: Divides the logits for a second account of the confidence; None for none.
    """

    def __init__(self, classes: Sequence[str], temperature: float | None = None) -> None:
        self.classes = tuple(classes)
        self.temperature = temperature
        self._confidence: list[np.ndarray] = []
        self._second: list[np.ndarray] = []
        self._softened: list[np.ndarray] = []
        self._softened_loss = 0.0
        self._labels: list[np.ndarray] = []
        self._predicted: list[np.ndarray] = []
        self._losses: list[np.ndarray] = []
        self._hits_in_five = 0
        self.pictures = 0

    def add(self, labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Count one batch.

        Args:
            labels: True classes, int [N], 0..classes-1.
            probabilities: The model's answers, finite, float [N, classes].

        Returns:
            The loss of each picture, float64 [N], in nats.
        """
        observed = observe(labels, probabilities, self.temperature)
        self.count(labels, observed)
        return observed.losses

    def count(self, labels: np.ndarray, observed: Observed) -> None:
        """Count one batch that was observed before, under the same temperature.

        Args:
            labels: True classes, int [N].
            observed: What `observe` made of the answers.
        """
        self._hits_in_five += observed.in_five
        self.pictures += len(labels)
        self._labels.append(labels.astype("int32"))
        self._predicted.append(observed.predicted)
        self._losses.append(observed.losses)
        self._confidence.append(observed.confidence)
        if observed.second is not None:
            self._second.append(observed.second)
        if observed.softened is not None:
            self._softened.append(observed.softened)
            self._softened_loss += observed.softened_loss

    def document(self) -> dict[str, Any]:
        """The figures so far, as plain JSON values.

        Returns:
            `pictures`, `loss` (mean cross-entropy in nats), `accuracy` with its 95 % interval,
            `top5_accuracy` with its interval where there are more than five classes, `macro`
            means over the classes that have pictures, `balanced_accuracy`, `per_class` figures,
            `confusion` (`[true, predicted, pictures]` for every cell of the matrix that is not 0,
            classes by number: of a thousand there would be a million cells), `calibration`
            (as `calibration.reliability`, with `softened` beside it where there is a temperature),
            `risk_coverage`, and of two classes the curves of `curves.binary`.
        """
        labels, predicted = np.concatenate(self._labels), np.concatenate(self._predicted)
        total = self.pictures
        hits = int((labels == predicted).sum())
        every = list(range(len(self.classes)))
        figures = precision_recall_fscore_support(
            labels, predicted, labels=every, zero_division=0.0
        )
        per_class = [
            {
                "class": name,
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "support": int(support),
            }
            for name, precision, recall, f1, support in zip(self.classes, *figures, strict=True)
        ]
        present = [row for row in per_class if row["support"]]
        document: dict[str, Any] = {
            "pictures": total,
            "loss": float(np.concatenate(self._losses).mean()),
            "accuracy": hits / total,
            "accuracy_interval": list(wilson(hits, total)),
            "macro": {
                key: sum(row[key] for row in present) / len(present)
                for key in ("precision", "recall", "f1")
            },
            "classes": list(self.classes),
            "per_class": per_class,
            "confusion": _confusion(labels, predicted),
        }
        document["balanced_accuracy"] = document["macro"]["recall"]
        hit, confidence = labels == predicted, np.concatenate(self._confidence)
        document["calibration"] = {**calibration.reliability(confidence, hit), "softened": None}
        if self.temperature is not None:
            document["calibration"]["softened"] = {
                "temperature": self.temperature,
                "loss": self._softened_loss / total,
                **calibration.reliability(np.concatenate(self._softened), hit),
            }
        document["risk_coverage"] = curves.risk_coverage(confidence, hit)
        if len(present) == len(self.classes) == 2:
            document |= curves.binary(labels, np.concatenate(self._second))
        if len(self.classes) > 5:
            document["top5_accuracy"] = self._hits_in_five / total
            document["top5_accuracy_interval"] = list(wilson(self._hits_in_five, total))
        return document


def _confusion(labels: np.ndarray, predicted: np.ndarray) -> list[list[int]]:
    """The cells of the confusion matrix that are not 0: true class, predicted class, pictures."""
    cells, counts = np.unique(np.stack([labels, predicted]), axis=1, return_counts=True)
    return [[*cell, count] for cell, count in zip(cells.T.tolist(), counts.tolist(), strict=True)]
