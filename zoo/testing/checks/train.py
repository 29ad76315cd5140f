"""What holds in training: gradients arrive, and what is frozen stays."""

from __future__ import annotations

import keras
import numpy as np

from zoo.engine import anatomy
from zoo.testing.subject import CLASSES, Subject


def every_variable_learns(subject: Subject) -> None:
    """One step of training moves every trainable variable, to finite values."""
    model = subject.model(again=2)
    trainable = {variable.path: np.array(variable) for variable in model.trainable_variables}
    _one_step(model, subject)
    still = []
    for variable in model.trainable_variables:
        value = np.array(variable)
        assert np.isfinite(value).all(), f"{variable.path} is not finite after one step"
        if np.array_equal(value, trainable[variable.path]):
            still.append(variable.path)
    # A bias before batch normalisation has no effect and no gradient; a kernel always has.
    kernels = [path for path in still if path.endswith("kernel")]
    assert not kernels, f"no gradient reaches {', '.join(kernels[:3])}"


def what_is_frozen_stays(subject: Subject) -> None:
    """A frozen backbone keeps every bit, moving statistics included, while the head learns."""
    model = subject.model(again=3)
    stages = anatomy.stages(model)
    frozen = [layer for name, layers in stages.items() if name != anatomy.HEAD for layer in layers]
    for layer in frozen:
        layer.trainable = False
    before = {v.path: np.array(v) for layer in frozen for v in layer.variables}
    head = {v.path: np.array(v) for v in model.trainable_variables}
    _one_step(model, subject)
    moved = [
        v.path for layer in frozen for v in layer.variables if not np.array_equal(v, before[v.path])
    ]
    assert not moved, f"frozen, yet moved: {', '.join(moved[:3])}"
    assert any(not np.array_equal(v, head[v.path]) for v in model.trainable_variables), (
        "the head did not learn"
    )


def _one_step(model: keras.Model, subject: Subject) -> None:
    logits = keras.Model(model.input, model.get_layer("logits").output)
    logits.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    pictures = subject.pictures(8).astype(np.float32)
    logits.fit(pictures, np.arange(8) % CLASSES, batch_size=8, verbose=0)


CHECKS = (every_variable_learns, what_is_frozen_stays)
