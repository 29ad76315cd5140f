"""What holds for interpreters: shape, evidence, and that they look at the model at all."""

from __future__ import annotations

import keras
import numpy as np

from zoo.testing import stand_ins
from zoo.testing.subject import Subject


def gives_maps(subject: Subject) -> None:
    """Each picture gets one finite float32 map [h,w]."""
    maps = _maps(subject, subject.model(), subject.pictures())
    assert maps.ndim == 3, f"maps have shape {maps.shape}, expected [4,h,w]"
    assert len(maps) == 4, f"4 pictures give {len(maps)} maps"
    assert maps.dtype == np.float32, f"maps are {maps.dtype}"
    assert np.isfinite(maps).all(), "maps are not finite"


def leaves_the_model_alone(subject: Subject) -> None:
    """Explaining changes no variable and no output of the model."""
    model, pictures = subject.model(), subject.pictures()
    before = [np.array(variable) for variable in model.variables]
    answers = np.array(model(pictures, training=False))
    _maps(subject, model, pictures)
    for variable, value in zip(model.variables, before, strict=True):
        assert np.array_equal(variable, value), f"{variable.path} changed"
    assert np.array_equal(model(pictures, training=False), answers), "the output changed"


def pictures_do_not_mix(subject: Subject) -> None:
    """A picture's map is the same alone as in a batch."""
    model, pictures = subject.model(), subject.pictures()
    together = _maps(subject, model, pictures)
    top = np.abs(together).max() or 1
    for row in range(len(pictures)):
        alone = _maps(subject, model, pictures[row : row + 1], first=row)
        off = np.abs(alone[0] - together[row]).max() / top
        assert off < 1e-4, f"picture {row} alone and in a batch differ by {off:.1e} of the top"


def finds_planted_evidence(subject: Subject) -> None:
    """On a model that sees nothing but red, the heat lies on the red patch."""
    maps = subject.function()(
        stand_ins.planted_model(),
        stand_ins.planted_picture(),
        np.array([1]),
        **subject.resolved().options,
    )
    heat = np.maximum(np.asarray(maps, np.float64)[0], 0)
    assert heat.sum() > 0, "the map is empty"
    scale = 32 / heat.shape[0]
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    top, left = stand_ins.BLOB
    for place, start in (((row + 0.5) * scale, top), ((column + 0.5) * scale, left)):
        assert start - scale <= place <= start + stand_ins.PATCH + scale, (
            f"the hottest place is ({row}, {column}) of {heat.shape}, outside the red patch"
        )


def depends_on_the_weights(subject: Subject) -> None:
    """Other weights give another map (the sanity check of arXiv:1810.03292)."""
    pictures = subject.pictures()
    first = _maps(subject, subject.model(), pictures)
    other = _maps(subject, subject.model(seed=99), pictures)
    a, b = (np.asarray(m, np.float64).ravel() for m in (first, other))
    if a.std() == 0 or b.std() == 0:
        return
    likeness = np.corrcoef(a, b)[0, 1]
    assert likeness < 0.9, f"maps of two random models correlate by {likeness:.2f}"


def _maps(subject: Subject, model: keras.Model, pictures: np.ndarray, first: int = 0) -> np.ndarray:
    index = (np.arange(len(pictures)) + first) % 3
    return np.asarray(subject.function()(model, pictures, index, **subject.resolved().options))


CHECKS = (
    gives_maps,
    leaves_the_model_alone,
    pictures_do_not_mix,
    finds_planted_evidence,
    depends_on_the_weights,
)
