"""What holds for heads: any number of classes, any backbone."""

from __future__ import annotations

import keras

from zoo.testing.checks.answers import answers
from zoo.testing.subject import CLASSES, Subject


def takes_any_number_of_classes(subject: Subject) -> None:
    """1, 2 and 1000 classes give that many outputs."""
    for classes in (1, 2, 1000):
        logits, _ = answers(subject.model(classes=classes), subject.pictures(2))
        if isinstance(logits, dict):  # auxiliary classifiers come after the main one
            logits = next(iter(logits.values()))
        assert logits.shape == (2, classes), f"{classes} classes give logits of {logits.shape}"


def sits_on_any_taps(subject: Subject) -> None:
    """The head takes the taps of any backbone: few or many, of any name, size and depth."""
    for shapes in TAPS:
        taps = {name: keras.Input(shape) for name, shape in shapes.items()}
        try:
            logits = subject.function()(taps, CLASSES, **subject.resolved().options)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise AssertionError(f"on {shapes}: {type(error).__name__}: {reason}") from error
        if isinstance(logits, dict):  # auxiliary classifiers come after the main one
            logits = next(iter(logits.values()))
        assert logits.shape == (None, CLASSES), f"on {shapes} logits have shape {logits.shape}"


# Five maps down to a single place, as VGG gives them; oblong maps; one deep map; two of one size.
TAPS = (
    {f"block{n}": (32 >> n, 32 >> n, 8) for n in range(1, 6)},
    {"conv_pw_1": (20, 28, 8), "conv_pw_13": (5, 7, 24)},
    {"relu": (8, 8, 2048)},
    {"stem": (6, 6, 8), "mixed": (6, 6, 16)},
)

CHECKS = (takes_any_number_of_classes, sits_on_any_taps)
