"""What holds for every model that a backbone or a head is part of."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np

from zoo.engine import artefact
from zoo.testing.subject import SEED, Subject

DTYPES = ("mixed_bfloat16", "mixed_float16")


def is_flat(subject: Subject) -> None:
    """No model is nested, and no layer hides code."""
    for layer in subject.model().layers:
        assert not isinstance(layer, keras.Model), f"{layer.name} is a model inside the model"
        assert not isinstance(layer, keras.layers.Lambda), f"{layer.name} is a Lambda layer"


def names_are_stable(subject: Subject) -> None:
    """A second model in the same process has the same layer names."""
    first = [layer.name for layer in subject.model().layers]
    second = [layer.name for layer in subject.model(again=1).layers]
    changed = [f"{a} became {b}" for a, b in zip(first, second, strict=True) if a != b]
    assert not changed, f"{changed[0]}: give every layer a name"


def models_share_nothing(subject: Subject) -> None:
    """Two models have no variable in common."""
    mine = {id(variable) for variable in subject.model().variables}
    theirs = {id(variable) for variable in subject.model(again=1).variables}
    assert not mine & theirs, "two models share variables: make layers inside the function"


def the_seed_decides(subject: Subject) -> None:
    """The same seed gives the same weights, another seed gives others."""
    first, same = subject.model(), subject.model(again=1)
    for a, b in zip(first.weights, same.weights, strict=True):
        assert np.array_equal(a, b), f"{a.path} differs between two models of one seed"
    other = subject.model(seed=SEED + 1)
    assert any(
        not np.array_equal(a, b) for a, b in zip(first.weights, other.weights, strict=True)
    ), "every seed gives the same weights"


def output_is_a_distribution(subject: Subject) -> None:
    """Probabilities are finite float32 and add up to 1."""
    probabilities = _predict(subject.model(), subject.pictures())
    assert probabilities.dtype == np.float32, f"probabilities are {probabilities.dtype}"
    assert np.isfinite(probabilities).all(), "probabilities are not finite"
    off = np.abs(probabilities.sum(axis=1) - 1).max()
    assert off < 1e-5, f"probabilities add up to 1 only within {off:.1e}"


def inference_is_repeatable(subject: Subject) -> None:
    """The same picture gives the same bits twice: nothing is drawn outside of training."""
    pictures = subject.pictures()
    first, second = (_predict(subject.model(), pictures) for _ in range(2))
    assert np.array_equal(first, second), "two runs differ: is dropout or noise always on?"


def pictures_do_not_mix(subject: Subject) -> None:
    """A picture gives the same result alone as in a batch."""
    pictures = subject.pictures()
    together = _predict(subject.model(), pictures)
    alone = np.concatenate([_predict(subject.model(), picture[None]) for picture in pictures])
    off = np.abs(together - alone).max()
    assert off < 1e-5, f"alone and in a batch differ by {off:.1e}"


def survives_saving(subject: Subject) -> None:
    """A model that was saved and loaded gives the same bits, names and taps."""
    model, pictures = subject.model(), subject.pictures()
    with tempfile.TemporaryDirectory() as folder:
        loaded = artefact.load(artefact.save(model, Path(folder) / "model.keras"))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert loaded.zoo_anatomy.taps == model.zoo_anatomy.taps
    off = np.abs(_predict(loaded, pictures) - _predict(model, pictures)).max()
    assert off == 0, f"saved and loaded differ by {off:.1e}"


def mixed_precision_is_finite(subject: Subject) -> None:
    """In bfloat16 and float16 the logits are finite, and logits and probabilities float32."""
    for dtype in DTYPES:
        model = subject.model(dtype=dtype)
        both = keras.Model(model.input, [model.get_layer("logits").output, model.output])
        for tensor in both(subject.pictures(), training=False):
            values = keras.ops.convert_to_numpy(tensor)
            assert values.dtype == np.float32, f"{dtype}: the output is {values.dtype}"
            assert np.isfinite(values).all(), f"{dtype}: the output is not finite"


def _predict(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(pictures, training=False))


CHECKS = (
    is_flat,
    names_are_stable,
    models_share_nothing,
    the_seed_decides,
    output_is_a_distribution,
    inference_is_repeatable,
    pictures_do_not_mix,
    survives_saving,
    mixed_precision_is_finite,
)
