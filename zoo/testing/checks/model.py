"""What holds for every model that a backbone or a head is part of."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import keras
import numpy as np

from zoo import config
from zoo.discovery import Plugin
from zoo.engine import artefact
from zoo.probe import context, quiet
from zoo.registry import Registry, load, use
from zoo.testing.checks.answers import answers, changed, first_answers, value, values
from zoo.testing.subject import Skip, Subject

NEAR = 1e-4
"""What counts as the same logit, relative to the largest."""

PATIENCE = 60
"""Seconds that another process may take to load a small model."""


def is_built_as_users_get_it(subject: Subject) -> None:
    """The model is built with every option at its default, at the size that is declared."""
    if subject.resolved().options == subject.defaults:
        raise Skip("it cannot be made small, so that every model of it is what users get")
    subject.build(subject.resolved(**subject.defaults), size=subject.part.input)


def is_flat(subject: Subject) -> None:
    """No model is nested, and no layer hides code."""
    for layer in subject.model().layers:
        assert not isinstance(layer, keras.Model), f"{layer.name} is a model inside the model"
        assert not isinstance(layer, keras.layers.Lambda), f"{layer.name} is a Lambda layer"


def names_are_stable(subject: Subject) -> None:
    """A second model in the same process has the same layer names."""
    first, second = ([layer.name for layer in m.layers] for m in (subject.model(), subject.twin))
    assert len(first) == len(second), f"{len(first)} layers became {len(second)}"
    changed = [f"{a} became {b}" for a, b in zip(first, second, strict=True) if a != b]
    assert not changed, f"{changed[0]}: give every layer a name"


def models_share_nothing(subject: Subject) -> None:
    """Two models have no variable in common."""
    mine = {id(variable): variable.path for variable in subject.model().variables}
    theirs = {id(variable) for variable in subject.twin.variables}
    shared = [path for key, path in mine.items() if key in theirs]
    assert not shared, f"two models share {shared[0]}: make layers inside the function"


def the_seed_decides(subject: Subject) -> None:
    """The same seed gives the same weights, another seed gives others."""
    model = subject.model()
    again, other = ({each.path: each for each in m.weights} for m in (subject.twin, subject.half))
    mine = {variable.path for layer in subject.layers(model) for variable in layer.weights}
    drawn, new = 0, 0
    for variable in model.weights:
        path, numbers = variable.path, value(variable)
        if path in again and again[path].shape == variable.shape:
            same = np.array_equal(numbers, value(again[path]))
            assert same, f"{path} differs between two models of one seed"
        if path in mine and path in other and np.ptp(numbers) > 0:
            drawn += 1
            new += not np.array_equal(numbers, value(other[path]))
    assert new or not drawn, (
        "every seed gives the same weights: leave initialisers unseeded, load no weights yourself"
    )


def output_is_a_distribution(subject: Subject) -> None:
    """Probabilities are finite float32 and add up to 1."""
    _, probabilities = subject.once(first_answers)
    assert probabilities.dtype == np.float32, f"probabilities are {probabilities.dtype}"
    assert np.isfinite(probabilities).all(), "probabilities are not finite"
    off = np.abs(probabilities.sum(axis=1) - 1).max()
    assert off < 1e-5, f"probabilities add up to 1 only within {off:.1e}"


def inference_is_repeatable(subject: Subject) -> None:
    """The same picture gives the same bits twice: nothing is drawn or learnt at inference."""
    model, pictures = subject.model(), subject.pictures()
    first, _ = subject.once(first_answers)
    before = values(model.non_trainable_variables)
    second, _ = answers(model, pictures)
    assert np.array_equal(first, second), "two runs differ: is dropout or noise always on?"
    moved = changed(model.non_trainable_variables, before)
    assert not moved, f"{moved[0]} changes without training"


def pictures_do_not_mix(subject: Subject) -> None:
    """A picture gives the same logits alone as in a batch."""
    # Logits: a softmax over random weights makes any two models agree.
    model, pictures = subject.model(), subject.pictures()
    together, _ = subject.once(first_answers)
    alone, _ = answers(model, pictures[-1:])
    off = apart(alone[0], together[-1], together)
    # Another batch is rounded in another order, which a deep network of random weights can blow
    # up; then it may differ by what the last bit of the pixels makes of it, as long as the others
    # in a batch of the same size make no difference at all.
    if off >= NEAR:
        nudged, _ = answers(model, np.nextafter(pictures, 256, dtype="float32"))
        assert off < apart(nudged, together, together), (
            f"logits alone and in a batch differ by {off:.1e} of the largest"
        )
        others, _ = answers(model, np.concatenate([255 - pictures[:-1], pictures[-1:]]))
        mixed = apart(others[-1], together[-1], together)
        assert mixed < NEAR, f"logits beside other pictures differ by {mixed:.1e} of the largest"


def apart(some: np.ndarray, others: np.ndarray, logits: np.ndarray) -> float:
    """How far logits lie apart, relative to the largest of a model."""
    return float(np.abs(some - others).max() / (np.abs(logits).max() or 1))


def mixed_precision_is_finite(subject: Subject) -> None:
    """Trained in float16, logits and probabilities are float32 and finite."""
    # In training: at inference the batch normalisation of a model that has seen no data leaves
    # the sums of a deep residual network to grow past what float16 holds.
    model = subject.half
    both = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    given = both(subject.pictures(), training=True)
    for name, tensor in zip(("logits", "probabilities"), given, strict=True):
        array = keras.ops.convert_to_numpy(tensor)
        assert array.dtype == np.float32, f"{name} are {array.dtype}"
        assert np.isfinite(array).all(), f"{name} are not finite in float16"


def survives_saving(subject: Subject) -> None:
    """A model that was saved and loaded gives the same bits, names and taps."""
    model = subject.model()
    with tempfile.TemporaryDirectory() as folder:
        loaded = artefact.load(artefact.save(model, Path(folder) / "model.keras"))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert loaded.zoo_anatomy.taps == model.zoo_anatomy.taps
    logits, _ = answers(loaded, subject.pictures())
    off = np.abs(logits - subject.once(first_answers)[0]).max()
    assert off == 0, f"saved and loaded differ by {off:.1e}"


def loads_elsewhere(subject: Subject) -> None:
    """A saved model is loaded by a process that has not imported the plugin."""
    model = subject.model()
    own = [each for each in model.layers if not type(each).__module__.startswith("keras.")]
    if not own:
        raise Skip("the part has no layer class of its own")
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = artefact.save(model, Path(folder) / "model.keras")
        receiver, sender = context().Pipe(duplex=False)
        arguments = (path, subject.pictures(), load().plugins, sender)
        child = context().Process(target=_load_and_answer, args=arguments, daemon=True)
        child.start()
        sender.close()
        try:
            given = receiver.recv() if receiver.poll(PATIENCE) else f"{PATIENCE} s were not enough"
        except EOFError:
            given = "the process ended"
        finally:
            child.kill()
            child.join()
            receiver.close()
    assert not isinstance(given, str), (
        f"{given}; register {type(own[0]).__name__} with keras.saving.register_keras_serializable "
        "under the keras-package of the manifest"
    )
    assert np.array_equal(given, subject.once(first_answers)[0]), (
        "another process gives other logits"
    )


def _load_and_answer(
    path: Path, pictures: np.ndarray, plugins: Sequence[Plugin], sender: Connection
) -> None:
    """In another process: send the logits, or why there are none."""
    use(Registry(plugins, config.load()))
    try:
        sender.send(answers(artefact.load(path), pictures)[0])
    except Exception as error:
        sender.send(str(error).partition("\n")[0])


CHECKS = (
    is_built_as_users_get_it,
    is_flat,
    names_are_stable,
    models_share_nothing,
    the_seed_decides,
    output_is_a_distribution,
    inference_is_repeatable,
    pictures_do_not_mix,
    mixed_precision_is_finite,
    survives_saving,
    loads_elsewhere,
)
