"""What holds for interpreters: shape, evidence, and that they look at the model at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np

from zoo.engine import artefact
from zoo.testing import stand_ins
from zoo.testing.checks.answers import answers, changed, values
from zoo.testing.subject import CLASSES, Subject

OBLONG = (32, 48)
ALIKE = 0.9
"""Correlation from which two maps are the same."""


def gives_maps(subject: Subject) -> None:
    """Each picture gets one finite float32 map [h,w], square or oblong."""
    for size in ((32, 32), OBLONG):
        maps = _maps(subject, subject.model(size=size), subject.pictures(size=size))
        _check(maps, 4)


def takes_one_class(subject: Subject) -> None:
    """A model of one sigmoid output is explained for either of its two classes."""
    model, pictures = subject.model(classes=1), subject.pictures(2)
    _check(_explain(subject, model, pictures, np.array([0, 1])), 2)


def takes_half_precision(subject: Subject) -> None:
    """A model of mixed precision gets finite float32 maps too."""
    _check(_maps(subject, subject.model(dtype="mixed_float16"), subject.pictures()), 4)


def leaves_the_model_alone(subject: Subject) -> None:
    """Explaining changes no variable and no output of the model, and it can still be saved."""
    model, pictures = subject.model(again=1), subject.pictures()
    before = values(model.variables)
    logits, _ = answers(model, pictures)
    flags = [layer.trainable for layer in model.layers]
    _maps(subject, model, pictures)
    moved = changed(model.variables, before)
    assert not moved, f"{moved[0]} changes"
    assert np.array_equal(answers(model, pictures)[0], logits), "the model's output changes"
    assert [layer.trainable for layer in model.layers] == flags, "layers were frozen or thawed"
    try:
        with tempfile.TemporaryDirectory() as folder:
            loaded = artefact.load(artefact.save(model, Path(folder) / "model.keras"))
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise AssertionError(f"the model cannot be saved and loaded any more: {reason}") from error
    assert np.array_equal(answers(loaded, pictures)[0], logits), "saved, it gives other logits"


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
    """On a model that knows red and blue, the heat for red lies on the red patch."""
    for size in ((32, 32), OBLONG):
        heat = _heat(subject, stand_ins.planted_model(size), 1)
        _check_place(heat, stand_ins.RED, size)


def follows_the_class(subject: Subject) -> None:
    """On the same picture, the heat for blue lies on the blue patch."""
    _check_place(_heat(subject, stand_ins.planted_model(), 0), stand_ins.BLUE, (32, 32))


def depends_on_the_weights(subject: Subject) -> None:
    """Other weights give another map (the sanity check of arXiv:1810.03292)."""
    first = _heat(subject, stand_ins.planted_model(), 1)
    other = _heat(subject, stand_ins.planted_model(exchanged=True), 1)
    likeness = _likeness(first, other)
    assert likeness < ALIKE, (
        f"with the weights of red and blue exchanged the map stays as it is: {likeness:.2f} alike"
    )
    pictures = subject.pictures()
    a, b = (_maps(subject, subject.model(seed=seed), pictures) for seed in (7, 99))
    if a.std() and b.std():  # a map may be empty: nothing speaks for the class
        likeness = _likeness(a, b)
        assert likeness < ALIKE, f"maps of two random models correlate by {likeness:.2f}"


def _maps(subject: Subject, model: keras.Model, pictures: np.ndarray, first: int = 0) -> np.ndarray:
    index = (np.arange(len(pictures)) + first) % CLASSES
    return _explain(subject, model, pictures, index)


def _heat(subject: Subject, model: keras.Model, index: int) -> np.ndarray:
    """What speaks for a class in the planted picture, [h,w]."""
    size = model.input.shape[1:3]
    maps = _explain(subject, model, stand_ins.planted_picture(size), np.array([index]))
    return np.maximum(maps[0].astype(np.float64), 0)


def _explain(
    subject: Subject, model: keras.Model, pictures: np.ndarray, index: np.ndarray
) -> np.ndarray:
    return np.asarray(subject.function()(model, pictures, index, **subject.resolved().options))


def _check(maps: np.ndarray, count: int) -> None:
    assert maps.ndim == 3, f"maps have shape {maps.shape}, expected [{count},h,w]"
    assert len(maps) == count, f"{count} pictures give {len(maps)} maps"
    assert maps.dtype == np.float32, f"maps are {maps.dtype}"
    assert np.isfinite(maps).all(), "maps are not finite"


def _check_place(heat: np.ndarray, patch: tuple[int, int], size: tuple[int, int]) -> None:
    """The hottest place lies on a patch, a cell of the map more or less."""
    assert heat.max() > heat.min(), "the map is the same everywhere"
    places = np.unravel_index(heat.argmax(), heat.shape)
    for place, cells, pixels, start in zip(places, heat.shape, size, patch, strict=True):
        scale = pixels / cells
        centre = (place + 0.5) * scale
        assert start - scale <= centre <= start + stand_ins.PATCH + scale, (
            f"the hottest place is {tuple(map(int, places))} of {heat.shape}, outside the patch"
        )


def _likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two maps; of a map that is the same everywhere, whether the other is it."""
    if not a.std() or not b.std():
        return float(np.array_equal(a, b))
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


CHECKS = (
    gives_maps,
    takes_one_class,
    takes_half_precision,
    leaves_the_model_alone,
    pictures_do_not_mix,
    finds_planted_evidence,
    follows_the_class,
    depends_on_the_weights,
)
