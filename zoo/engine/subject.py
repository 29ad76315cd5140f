"""A classifier as an interpreter sees it: its taps, and its scores before softmax or sigmoid.

Of a model that zoo built both are known. Of any other they are found by running it once: the scores
are what its last activation is given, and the tap is the last map on the way to them, which is the
one that enters the pooling or flattening.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from zoo import suggest
from zoo.engine import anatomy, picture, watch
from zoo.errors import ExplainError, ModelError

INPUT = "input"
"""The tap of the pictures themselves."""

GREY = 127.5
ENDS = {"softmax": "softmax", "sigmoid": "sigmoid", "linear": "linear"}


@dataclass(frozen=True)
class Scores:
    """Where a model's scores before probabilities pass by.

    Args:
        path: The layer.
        at: Whether they are its `output`, its `input`, or what its `activation` is given.
        ends: What makes probabilities of them.
    """

    path: str
    at: Literal["output", "input", "activation"]
    ends: str


@dataclass(frozen=True)
class Subject:
    """What is known of a model that is explained.

    Args:
        name: Canonical name, or the model's own.
        classes: Names of the classes.
        input_size: Height and width in pixels.
        preprocessing: How a picture becomes an input.
        neutral: The colour that the model's normalisation maps to zero, RGB 0..255.
        taps: Name of a tap to its layer's path, in order; the last is the default.
        scores: Where the scores are.
        notes: What was found by rule and not known, to be said.
    """

    name: str
    classes: tuple[str, ...]
    input_size: tuple[int, int]
    preprocessing: dict[str, Any]
    neutral: tuple[float, float, float]
    taps: dict[str, str]
    scores: Scores
    notes: tuple[str, ...] = ()

    @property
    def default_tap(self) -> str:
        """Name of the tap that `last` means."""
        if not self.taps:
            raise ExplainError(
                "the model has no map: no layer gives [N,h,w,c] on the way to its scores",
                "explain it by its pixels: saliency, integrated-gradients, occlusion, rise",
            )
        return list(self.taps)[-1]


def of(model: keras.Model) -> Subject:
    """What is known of a model, or found out by running it once.

    Args:
        model: A model of zoo, or any Keras classifier of RGB pictures: nested, subclassed, with
            several outputs (the first that scores classes is explained).

    Returns:
        The subject. It stays with the model.

    Raises:
        ModelError: The model is no classifier of pictures, or its scores cannot be reached.
    """
    facts = vars(model)
    if "_zoo_subject" not in facts:
        # Past Keras' own __setattr__: what zoo finds out is no part of the model.
        facts["_zoo_subject"] = _known(model) if hasattr(model, "zoo_anatomy") else _found(model)
    subject: Subject = facts["_zoo_subject"]
    return subject


def tap_path(model: keras.Model, tap: str) -> str:
    """The path of the layer that a tap names.

    Args:
        model: The model.
        tap: A tap, `last`, `input`, a layer's path, or its name where only one layer has it.

    Returns:
        The path, or `input`.

    Raises:
        ModelError: There is no such tap or layer, or several.
    """
    subject = of(model)
    if tap == anatomy.LAST:
        return subject.taps[subject.default_tap]
    if tap in subject.taps:
        return subject.taps[tap]
    paths = watch.layers(model)
    found = [path for path in paths if tap in (path, path.rpartition("/")[2])]
    exact = [path for path in found if path == tap] or found
    if len(exact) == 1:
        inlet = isinstance(paths[exact[0]], keras.layers.InputLayer)
        return INPUT if inlet else exact[0]
    if tap == INPUT:
        return INPUT
    if exact:
        raise ModelError(f"{len(exact)} layers are called {tap!r}", f"say {' or '.join(exact)}")
    near = suggest.near(tap, [*subject.taps, *paths])
    there = ", ".join((*subject.taps, anatomy.LAST))
    hint = f"did you mean {', '.join(near)}?" if near else f"taps: {there}, or a layer's name"
    raise ModelError(f"the model has no tap or layer {tap!r}", hint)


def places(model: keras.Model) -> str:
    """The taps that have places to tell apart, with their sizes, for a message."""
    subject = of(model)
    calls, _ = watch.trace(model, subject.input_size)
    sizes = {call.path: call.map_size for call in calls}
    there = [
        f"{name} ({size[0]}x{size[1]})"
        for name, path in subject.taps.items()
        if (size := sizes.get(path))
    ]
    return (
        f"taps with places: {', '.join(there) or 'none'}, or the name of a layer that gives a map"
    )


def _known(model: keras.Model) -> Subject:
    facts = anatomy.of(model)
    norm = facts.normalization
    last = next(each for each in reversed(model.layers) if each.output is model.outputs[0])
    return Subject(
        name=facts.spec or model.name,
        classes=facts.classes,
        input_size=facts.input_size,
        preprocessing=facts.preprocessing,
        neutral=tuple(float(mean * norm["scale"]) for mean in norm["mean"]),
        taps=facts.taps,
        scores=Scores("logits", "output", _ends(last)),
    )


def _found(model: keras.Model) -> Subject:
    size = _input_size(model)
    try:
        calls, outputs = watch.trace(model, size)
    except Exception as error:  # whatever a stranger's layers raise
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the model cannot be run on a picture: {reason}") from error
    scores, answer, others = _scores(calls, outputs)
    tap = _last_map(calls, answer)
    notes = [f"tap {tap}: found as the last map before the scores"] if tap else []
    if others:
        notes.append(f"the model has {len(outputs)} outputs: explained is that of {scores.path}")
    neutral = _neutral(calls)
    if neutral is None:
        notes.append("the model holds no normalisation: pictures go in as RGB from 0 to 255")
    return Subject(
        name=model.name,
        classes=anatomy.class_names(answer.shape[-1]),
        input_size=size,
        preprocessing=dict(picture.DESCRIPTION),
        neutral=neutral or (GREY,) * 3,
        taps={tap: tap} if tap else {},
        scores=scores,
        notes=tuple(notes),
    )


def _input_size(model: keras.Model) -> tuple[int, int]:
    shapes = [tuple(each.shape) for each in getattr(model, "inputs", None) or ()]
    if not shapes:  # a subclassed model, which knows only what it was called with
        built = getattr(model, "_build_shapes_dict", None) or {}
        shapes = [tuple(shape) for shape in built.values() if shape]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3 or None in shapes[0][1:]:
        raise ModelError(
            f"the model takes {' and '.join(map(str, shapes)) or 'inputs of unknown shape'}, "
            "accepted is one input of RGB pictures [N, height, width, 3] of a fixed size",
            None if shapes else "call a subclassed model once on a picture first",
        )
    return shapes[0][1], shapes[0][2]


def _scores(calls: list[watch.Call], outputs: list[Any]) -> tuple[Scores, Any, bool]:
    """The first output that scores classes, and where its scores are."""
    answers = [each for each in outputs if len(each.shape) == 2]
    if not answers:
        given = " and ".join(str((None, *each.shape[1:])) for each in outputs)
        raise ModelError(f"the model gives {given}, accepted is an output [N, classes]")
    answer = answers[0]
    # The innermost call is the first that ends with a tensor.
    last = next((call for call in calls if any(each is answer for each in call.gives)), None)
    ends = _ends(last.layer) if last is not None else ""
    if last is None or not ends:
        kind = "no layer" if last is None else type(last.layer).__name__
        raise ModelError(
            f"the scores before the probabilities cannot be reached: the model ends in {kind}",
            "end the model in Dense, Activation or Softmax",
        )
    if ends == "linear":
        return Scores(last.path, "output", ends), answer, len(outputs) > 1
    at: Literal["input", "activation"]
    at = "activation" if hasattr(last.layer, "activation") else "input"
    return Scores(last.path, at, ends), answer, len(outputs) > 1


def _ends(layer: Any) -> str:
    """What a layer does last: `softmax`, `sigmoid`, `linear`, or nothing that is known."""
    activation = getattr(layer, "activation", None)
    if activation is not None:
        return ENDS.get(activation.__name__, "")
    kind = type(layer).__name__.lower()
    return ENDS.get(kind, "linear" if kind == "dense" else "")


def _last_map(calls: list[watch.Call], answer: Any) -> str:
    """The last map that the answer comes from; of all maps, where tensors pass unseen."""
    wanted = {id(answer)}
    for call in reversed(calls):
        if any(id(each) in wanted for each in call.gives):
            if call.map_size and not _holds(call, calls):
                return call.path
            wanted |= {id(each) for each in call.given}
    return next((call.path for call in reversed(calls) if call.map_size), "")


def _holds(call: watch.Call, calls: list[watch.Call]) -> bool:
    """Whether a call is that of a model around another one that is listed."""
    return any(each.path.startswith(f"{call.path}/") for each in calls)


def _neutral(calls: list[watch.Call]) -> tuple[float, float, float] | None:
    """The colour that a model's own first normalisation maps to zero."""
    for call in calls:
        layer = call.layer
        if isinstance(layer, keras.layers.Rescaling):
            colour = -np.asarray(layer.offset) / np.asarray(layer.scale)
        elif isinstance(layer, keras.layers.Normalization):
            colour = np.asarray(keras.ops.convert_to_numpy(layer.mean)).ravel()
        else:
            continue
        red, green, blue = np.broadcast_to(colour, 3).tolist()
        return red, green, blue
    return None
