"""The loss and the accuracy of a training, taken on logits, of plain and of mixed labels."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from zoo.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo.recipe import Phase


def cross_entropy(smoothing: float, auxiliary: float = 0.0) -> Callable[[Any, Any], Any]:
    """Cross-entropy of labels and logits, with a share of each label spread evenly.

    It stays exact on logits however sure the model is.

    Args:
        smoothing: The share, 0 to below 1.
        auxiliary: The factor on the loss of each auxiliary classifier.

    Returns:
        A loss of labels, integers [N] or [N, 1] or shares [N, classes], and logits [N, classes],
        or [N, 1 + classifiers, classes], of which the first count fully.
    """

    def cross_entropy(labels: Any, logits: Any) -> Any:
        wanted, stacked = _shares(labels, logits), len(logits.shape) == 3
        loss = keras.losses.categorical_crossentropy(
            ops.broadcast_to(wanted[:, None], ops.shape(logits)) if stacked else wanted,
            logits,
            from_logits=True,
            label_smoothing=smoothing,
        )
        return loss[:, 0] + auxiliary * ops.sum(loss[:, 1:], axis=1) if stacked else loss

    return cross_entropy


def accuracy() -> keras.metrics.Metric:
    """The share of pictures whose highest logit is that of their label, the largest of a mix."""

    def right(labels: Any, logits: Any) -> Any:
        own = logits[:, 0] if len(logits.shape) == 3 else logits
        wanted = ops.argmax(_shares(labels, own), axis=-1)
        return ops.cast(ops.equal(wanted, ops.argmax(own, axis=-1)), "float32")

    return keras.metrics.MeanMetricWrapper(right, name="accuracy")


def class_weights(phase: Phase, classes: Sequence[str], labels: Sequence[int]) -> np.ndarray | None:
    """The factor on the loss of a picture by its class.

    Args:
        phase: "balanced" weighs a class by pictures / (classes * its pictures), so that the mean
            over all pictures is 1, as scikit-learn does.
        classes: Names in the order of the labels.
        labels: The training pictures' labels.

    Returns:
        Factors, float32 [classes], or None where all are 1.

    Raises:
        RecipeError: If the phase weighs a class that the data does not have.
    """
    given = phase.class_weights
    if given is None:
        return None
    if given == "balanced":
        counts = np.bincount(np.asarray(labels, int), minlength=len(classes))
        return (len(labels) / (len(classes) * np.maximum(counts, 1))).astype(np.float32)
    for name in given:
        if name not in classes:
            near = difflib.get_close_matches(name, classes, n=1)
            advice = f"did you mean {near[0]}?" if near else f"classes: {', '.join(classes[:6])}"
            raise RecipeError(f"phase {phase.name} weighs no class {name!r}; {advice}")
    return np.array([given.get(name, 1.0) for name in classes], np.float32)


def _shares(labels: Any, logits: Any) -> Any:
    """Labels as shares of the classes, [N, classes]."""
    if len(labels.shape) == 2 and labels.shape[-1] == logits.shape[-1]:
        return labels
    return ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), logits.shape[-1])
