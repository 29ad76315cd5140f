"""What holds for heads: any number of classes, any backbone."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras

from zoo.registry import load
from zoo.testing.checks.model import answers
from zoo.testing.subject import Subject


def takes_any_number_of_classes(subject: Subject) -> None:
    """1, 2 and 1000 classes give that many outputs."""
    for classes in (1, 2, 1000):
        logits, _ = answers(subject.model(classes=classes), subject.pictures(2))
        assert logits.shape == (2, classes), f"{classes} classes give logits of {logits.shape}"


def sits_on_every_backbone(subject: Subject) -> None:
    """The head takes the taps of every installed backbone of zoo itself."""
    for name in load().names("backbone"):
        if "/" in name:
            continue
        try:
            logits = subject.function()(_taps(name), 3, **subject.resolved().options)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise AssertionError(f"on {name}: {type(error).__name__}: {reason}") from error
        assert logits.shape == (None, 3), f"on {name} the logits have shape {logits.shape}"


@cache
def _taps(name: str) -> dict[str, Any]:
    """The symbolic taps of a backbone of ours, small."""
    part = load().part("backbone", name)
    backbone = Subject(part, load().plugin(part.plugin))
    inputs = keras.Input((*backbone.size, 3))
    taps: dict[str, Any] = backbone.function()(inputs, **backbone.resolved().options)
    return taps


CHECKS = (takes_any_number_of_classes, sits_on_every_backbone)
