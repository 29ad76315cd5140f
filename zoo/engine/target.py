"""Which class a map explains: the predicted, the true, the likeliest few, a named one, a lead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from zoo import stored
from zoo.engine.subject import Subject
from zoo.errors import ExplainError

Target: TypeAlias = str | tuple[str, str]
"""A class, or a pair: the first one's lead over the second."""

Targets: TypeAlias = Target | Sequence[Target | list[Target]]
"""One for all pictures, or one for each picture, or several for each."""

PREDICTED, TRUE = "predicted", "true"
_TOP = re.compile(r"top-(\d{1,4})")


@dataclass(frozen=True)
class Chosen:
    """What is explained in each picture.

    Args:
        fixed: Class numbers of each picture's targets, one or two each; None where the answers
            decide.
        top: How many of the likeliest classes, where they decide.
    """

    fixed: list[np.ndarray] | None
    top: int = 1

    @classmethod
    def read(cls, targets: Targets, labels: Sequence[str], about: Subject) -> Chosen:
        """Read targets as `explain` takes them, and see that they exist.

        Args:
            targets: `predicted`, `true`, `top-K`, a class, a pair of classes, or a list with a
                class, a pair or several of them for each picture.
            labels: The true class of each picture where it is known, or empty.
            about: The model.

        Raises:
            ExplainError: A class does not exist, or there are more or fewer than pictures.
        """
        if targets == PREDICTED:
            return cls(None)
        if isinstance(targets, str) and (few := _TOP.fullmatch(targets)):
            if not 1 <= int(few[1]) <= len(about.classes):
                raise ExplainError(
                    f"the model has {len(about.classes)} classes, received {targets}"
                )
            return cls(None, int(few[1]))
        if targets == TRUE:
            if "" in labels:
                raise ExplainError(
                    "the true class of a picture is not known",
                    hint="explain pictures from folders called by their class, or name the class",
                )
            targets = list(labels)
        if isinstance(targets, (str, tuple)):
            targets = [targets] * len(labels)
        if len(targets) != len(labels):
            raise ExplainError(
                f"{len(labels)} pictures need as many classes, received {len(targets)}"
            )
        several = [target if isinstance(target, list) else [target] for target in targets]
        numbers = [[_numbers(each, about) for each in own] for own in several]
        if len({len(each) for own in numbers for each in own}) > 1:
            raise ExplainError("classes and pairs of classes are mixed", "give pairs for all")
        return cls([np.array(own) for own in numbers])

    def of(self, start: int, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The classes of a batch.

        Args:
            start: The place of the batch's first picture among all.
            answers: Probabilities, float32 [N,classes].

        Returns:
            The picture of each map, integers [M], and its class, integers [M] or [M,2].
        """
        if self.fixed is not None:
            own = self.fixed[start : start + len(answers)]
            index = np.concatenate(own)
            rows = np.repeat(np.arange(len(answers)), [len(each) for each in own])
            return rows, index[:, 0] if index.shape[1] == 1 else index
        likeliest = np.argsort(-answers, axis=1, kind="stable")[:, : self.top]
        return np.repeat(np.arange(len(answers)), self.top), likeliest.ravel()


def _numbers(target: Target, about: Subject) -> list[int]:
    names = [target] if isinstance(target, str) else list(target)
    for name in names:
        stored.check_class(name, about.classes)
    if len(names) == 2 and names[0] == names[1]:
        raise ExplainError(f"{names[0]} has no lead over itself", "name two classes")
    return [about.classes.index(name) for name in names]
