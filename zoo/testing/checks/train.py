"""What holds in training: gradients arrive, statistics move, and what is frozen stays."""

from __future__ import annotations

import keras
import numpy as np

from zoo.engine import anatomy
from zoo.testing.subject import CLASSES, Skip, Subject

STEPS = 2
"""A branch that begins at zero, as a scale of zero makes it, learns in its second step."""


def every_variable_learns(subject: Subject) -> None:
    """Two steps of training move every trainable variable, to finite values."""
    model = subject.model(again=2)
    before = _values(model.trainable_variables)
    _train(subject, model)
    still = []
    for variable in model.trainable_variables:
        assert np.isfinite(variable).all(), f"{variable.path} is not finite after {STEPS} steps"
        if np.array_equal(variable, before[variable.path]):
            still.append(variable.path)
    # A bias before batch normalisation has no effect, and a gradient of rounding errors or none.
    dead = [path for path in still if not path.endswith("/bias")]
    assert not dead, f"no gradient reaches {_listed(dead)}"


def statistics_move(subject: Subject) -> None:
    """Batch normalisation of the part gathers its statistics in training."""
    model = subject.model(again=3)
    norms = [
        layer
        for layer in subject.layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not norms:
        raise Skip("the part has no batch normalisation")
    before = _values(variable for layer in norms for variable in layer.non_trainable_variables)
    _train(subject, model)
    still = [
        layer.name
        for layer in norms
        if all(np.array_equal(v, before[v.path]) for v in layer.non_trainable_variables)
    ]
    assert not still, f"training leaves the statistics of {_listed(still)} as they began"


def what_is_frozen_stays(subject: Subject) -> None:
    """A frozen backbone keeps every bit, moving statistics included, while the head learns."""
    model = subject.model(again=4)
    stages = anatomy.stages(model)
    frozen = [layer for name, layers in stages.items() if name != anatomy.HEAD for layer in layers]
    for layer in frozen:
        layer.trainable = False
    kept = _values(variable for layer in frozen for variable in layer.variables)
    head = _values(model.trainable_variables)
    _train(subject, model)
    now = _values(model.variables)
    moved = [path for path, value in kept.items() if not np.array_equal(now[path], value)]
    assert not moved, f"frozen, yet moved: {_listed(moved)}"
    assert any(not np.array_equal(now[path], value) for path, value in head.items()), (
        "the head does not learn"
    )


def _train(subject: Subject, model: keras.Model) -> None:
    logits = keras.Model(model.input, model.get_layer("logits").output)
    logits.compile(
        # Adam moves what has any gradient by about the rate, however small the gradient is.
        keras.optimizers.Adam(0.01, epsilon=1e-12),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # Two steps: tracing a deep model takes ten times as long.
        run_eagerly=True,
    )
    pictures = subject.pictures(8).astype(np.float32)
    for _ in range(STEPS):
        logits.train_on_batch(pictures, np.arange(8) % CLASSES)


def _values(variables: object) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable) for variable in variables}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


CHECKS = (every_variable_learns, statistics_move, what_is_frozen_stays)
