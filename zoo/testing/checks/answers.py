"""What models answer and hold, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import keras
import numpy as np

from zoo.testing.subject import Subject


def answers(model: keras.Model, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and probabilities of a model outside of training.

    Each layer is called as the part's function called it. `model(pictures, training=False)` would
    overrule a `training=True` there, which export and interpreters do not.
    """
    both = keras.Function(model.input, [model.get_layer("logits").output, model.output])
    logits, probabilities = both(keras.ops.convert_to_tensor(pictures, "float32"))
    convert = keras.ops.convert_to_numpy
    return convert(logits), convert(probabilities)


def first_answers(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Logits and probabilities of a part's model for its pictures."""
    return answers(subject.model(), subject.pictures())


def value(variable: keras.Variable) -> np.ndarray:
    """The numbers of a variable."""
    return keras.ops.convert_to_numpy(variable)


def values(variables: Iterable[keras.Variable]) -> dict[str, np.ndarray]:
    """The numbers of variables by path, copied."""
    return {each.path: np.array(value(each)) for each in variables}


def changed(variables: Iterable[keras.Variable], before: dict[str, np.ndarray]) -> list[str]:
    """Paths of the variables whose numbers are not what they were."""
    return [each.path for each in variables if not np.array_equal(value(each), before[each.path])]


@contextmanager
def restored(model: keras.Model) -> Iterator[dict[str, np.ndarray]]:
    """Give a model its numbers back at the end, and everything of it to train.

    Yields:
        The numbers by path.
    """
    before = values(model.variables)
    flags = [(layer, layer.trainable) for layer in model.layers]
    try:
        yield before
    finally:
        for layer, trainable in flags:
            layer.trainable = trainable
        for variable in model.variables:
            variable.assign(before[variable.path])
