"""What holds in training: gradients arrive, statistics move, and what is frozen stays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from zoo.engine import anatomy
from zoo.testing.checks.answers import changed, restored, value
from zoo.testing.subject import CLASSES, Skip, Subject

STEPS = 2
"""A branch that begins at zero, as a scale of zero makes it, learns in its second step."""


def every_variable_learns(subject: Subject) -> None:
    """Two steps of training move every trainable variable, to finite values."""
    lesson = subject.once(_lesson)
    assert not lesson.infinite, f"{lesson.infinite[0]} is not finite after step {lesson.steps}"
    assert not lesson.dead, f"no gradient reaches {_listed(lesson.dead)}"


def statistics_move(subject: Subject) -> None:
    """Batch normalisation of the part gathers its statistics in training."""
    norms = [
        layer
        for layer in subject.layers(subject.model())
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not norms:
        raise Skip("the part has no batch normalisation")
    moved = subject.once(_lesson).moved
    still = [
        layer.name
        for layer in norms
        if not moved & {variable.path for variable in layer.non_trainable_variables}
    ]
    assert not still, f"training leaves the statistics of {_listed(still)} as they began"


def what_is_frozen_stays(subject: Subject) -> None:
    """A frozen backbone keeps every weight, moving statistics too, while the head learns."""
    model = subject.alone()
    stages = anatomy.stages(model)
    stages.pop(anatomy.HEAD)
    frozen = [layer for layers in stages.values() for layer in layers]
    with restored(model) as before:
        for layer in frozen:
            layer.trainable = False
        head = {variable.path for variable in model.trainable_variables}
        _train(subject, model)
        moved = set(changed(model.variables, before))
    # Not the state of random generators: a frozen layer drops out as it did.
    astray = sorted(moved & {variable.path for layer in frozen for variable in layer.weights})
    assert not astray, f"frozen, yet moved: {_listed(astray)}"
    assert moved & head, "the head does not learn"


@dataclass
class _Lesson:
    """What training did to a model: paths of its variables."""

    steps: int
    moved: set[str]
    dead: list[str]
    infinite: list[str]


def _lesson(subject: Subject) -> _Lesson:
    model = subject.alone()
    lesson = _Lesson(0, set(), [], [])
    with restored(model) as before:
        learning = model.trainable_variables
        while lesson.steps < STEPS and not lesson.infinite:
            _train(subject, model)
            lesson.steps += 1
            # Step by step: the second may take back to the bit what the first did.
            lesson.moved |= set(changed(model.variables, before))
            lesson.infinite = [v.path for v in learning if not np.isfinite(value(v)).all()]
            # A bias before batch normalisation has no effect, and a gradient of rounding errors
            # or none.
            still = {variable.path for variable in learning} - lesson.moved
            lesson.dead = [path for path in still if not path.endswith("/bias")]
            if not lesson.dead:
                break
    return lesson


class _Sign(keras.optimizers.Optimizer):
    """Moves what has any gradient by the rate, however small the gradient is."""

    def update_step(
        self, gradient: Any, variable: keras.Variable, learning_rate: keras.Variable
    ) -> None:
        self.assign_sub(variable, learning_rate * keras.ops.sign(gradient))


def _train(subject: Subject, model: keras.Model) -> None:
    """One step of training."""
    logits = keras.Model(model.input, model.get_layer("logits").output)
    logits.compile(
        _Sign(0.001),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,  # tracing a deep model takes ten times as long as a step
    )
    pictures = subject.pictures(8).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras on missing gradients, as we say too
        logits.train_on_batch(pictures, np.arange(8) % CLASSES)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(sorted(names)[:3]) + more


CHECKS = (every_variable_learns, statistics_move, what_is_frozen_stays)
