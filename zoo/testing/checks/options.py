"""What holds for the options of a part: each does something, and dropout drops."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from zoo.engine import anatomy
from zoo.errors import ZooError
from zoo.option import Option
from zoo.testing.subject import Skip, Subject


def every_option_has_an_effect(subject: Subject) -> None:
    """Another value of an option gives another architecture."""
    if not subject.part.options:
        raise Skip("there are no options")
    before = _architecture(subject.model())
    for option in subject.part.options:
        small = subject.resolved().options[option.name]
        for value in others(option, small):
            try:
                model = subject.build(subject.resolved(**{option.name: value}))
            except ZooError:  # a value that the part refuses
                continue
            assert _architecture(model) != before, (
                f"{option.name}={value} builds the same model as {option.name}={small}"
            )
            break


def dropout_drops(subject: Subject) -> None:
    """With the option `dropout` set, two passes in training mode differ."""
    if not isinstance(subject.defaults.get("dropout"), float):
        raise Skip("there is no option dropout")
    model = subject.build(subject.resolved(dropout=0.5))
    logits = keras.Model(model.input, model.get_layer("logits").output)
    pictures = subject.pictures(8)
    first, second = (keras.ops.convert_to_numpy(logits(pictures, training=True)) for _ in range(2))
    assert not np.array_equal(first, second), "dropout=0.5 drops nothing on the way to the logits"


def others(option: Option, value: Any) -> Iterator[Any]:
    """Values of an option's type other than this one, the likeliest to be accepted first."""
    if option.type.startswith("Literal["):
        choices = ast.literal_eval(f"({option.type[8:-1]},)")
        yield from (each for each in choices if each != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value * 2 or 1, value - 1)
    elif isinstance(value, float):
        yield from (each for each in (value / 2 or 0.5, value * 2, value + 1) if each != value)


def _architecture(model: keras.Model) -> str:
    """Of the model as it is trained, auxiliary classifiers and all."""
    return json.dumps(anatomy.whole(model).get_config(), default=str, sort_keys=True)


CHECKS = (every_option_has_an_effect, dropout_drops)
