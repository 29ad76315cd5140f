"""What holds for backbones: sizes, taps, architecture."""

from __future__ import annotations

import keras
import numpy as np

from zoo.engine import anatomy
from zoo.testing.checks.answers import answers, first_answers
from zoo.testing.subject import CLASSES, Skip, Subject


def takes_its_smallest_size(subject: Subject) -> None:
    """The model answers at the smallest size that the manifest declares."""
    if subject.part.minimum is None:
        raise Skip("the manifest declares no minimum")
    _answer(subject, subject.model(size=subject.part.minimum))


def takes_odd_and_oblong_sizes(subject: Subject) -> None:
    """The model answers for pictures of odd and unequal sides."""
    _answer(subject, subject.twin)


def taps_shrink_in_order(subject: Subject) -> None:
    """Taps come in order: each map is as large as the one before it, or smaller."""
    model = subject.model()
    before = model.input.shape[1:3]
    for tap in anatomy.of(model).taps:
        height, width = extent = anatomy.tap_tensor(model, tap).shape[1:3]
        larger = height > before[0] or width > before[1]
        assert not larger, f"tap {tap} is {height}x{width}, larger than the one before it"
        before = extent


def the_size_does_not_change_the_weights(subject: Subject) -> None:
    """Layers, taps and variables are the same at every picture size."""
    for one, other in zip(_facts(subject.model()), _facts(subject.twin), strict=True):
        changed = sorted(one ^ other)
        assert not changed, f"{changed[0]} is there at one picture size and not at another"


def _answer(subject: Subject, model: keras.Model) -> None:
    height, width = model.input.shape[1:3]
    if model is subject.model():
        logits, _ = subject.once(first_answers)
    else:
        logits, _ = answers(model, subject.pictures(2, (height, width)))
    assert logits.shape[1:] == (CLASSES,), f"logits have shape {logits.shape}"
    assert np.isfinite(logits).all(), f"logits are not finite at {height}x{width}"


def _facts(model: keras.Model) -> tuple[set[str], set[str]]:
    """Layers with the shapes of their variables, and taps."""
    layers = {f"{each.name} {[tuple(v.shape) for v in each.weights]}" for each in model.layers}
    return layers, set(anatomy.of(model).taps)


CHECKS = (
    takes_its_smallest_size,
    takes_odd_and_oblong_sizes,
    taps_shrink_in_order,
    the_size_does_not_change_the_weights,
)
