"""Compiled programs on a model: run it, look at a tap on the way, come back with its scores.

Tracing a large model takes seconds and interpreters ask batch by batch, so a program is made when
it is first asked for and stays with the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops

from zoo.engine import subject, watch
from zoo.engine.subject import INPUT
from zoo.errors import ExplainError

Tensor: TypeAlias = "keras.KerasTensor"
Program: TypeAlias = Callable[..., Any]
Classes: TypeAlias = np.ndarray | Sequence[int]
Score: TypeAlias = Literal["logit", "probability"]
Look: TypeAlias = Callable[[Tensor], Tensor]
"""Sees a tap's map, and gives what goes on from there."""


def of(model: keras.Model, make: Callable[..., Program], *options: Any) -> Program:
    """The program that a function makes for a model, made once for the same options.

    Args:
        model: A classifier.
        make: Takes the model and the options, gives the program.
        *options: What else the program depends on.
    """
    # Past Keras' own __setattr__, so that the programs are no part of the model and go with it.
    programs = vars(model).setdefault("_zoo_programs", {})
    if (make, *options) not in programs:
        programs[make, *options] = make(model, *options)
    program: Program = programs[make, *options]
    return program


def compiled(program: Program) -> Program:
    """Compile a program where the backend can, for batches of any size."""
    if keras.backend.backend() != "tensorflow":
        return program
    import tensorflow as tf

    # Without AutoGraph, which would wrap our errors in its own.
    return tf.function(program, reduce_retracing=True, autograph=False)


def run(model: keras.Model, images: Tensor, path: str = "", look: Look = lambda at: at) -> Tensor:
    """Run a model with a look at one tap.

    Args:
        model: A classifier.
        images: RGB pictures 0..255, [N,H,W,3].
        path: The tap's path, `input`, or empty for none.
        look: Sees the tap's map, and gives what goes on from there.

    Returns:
        The scores before softmax or sigmoid, float32 [N,units].

    Raises:
        ExplainError: The tap gives no map.
    """
    place = subject.of(model).scores
    found = watch.layers(model)
    seen: list[Tensor] = []

    shapes: list[tuple[int | None, ...]] = []

    def see_map(given: tuple[Any, ...], gives: Any) -> Any:
        shapes.append(tuple(getattr(gives, "shape", ())))
        return look(gives) if _is_map(shapes[-1]) else gives

    def see_scores(given: tuple[Any, ...], gives: Any) -> Any:
        seen.append(given[0] if place.at == "input" else gives)
        return gives

    watched: dict[Any, watch.See] = {}
    if path == INPUT:
        images = look(images)
    elif path:
        watched[found[path]] = see_map
    last = found[place.path]
    if place.at == "activation":
        with watch.watching(watched), _noted(last, seen):
            watch.call(model, images)
    else:
        watched[last] = see_scores
        with watch.watching(watched):
            watch.call(model, images)
    if path in found:
        _check_map(model, path, shapes)
    return ops.cast(seen[-1], "float32")


def spread(logits: Tensor) -> Tensor:
    """One sigmoid unit speaks for class 1 with its logit and for class 0 with the negative."""
    return ops.concatenate([-logits, logits], axis=-1) if logits.shape[-1] == 1 else logits


def factors(model: keras.Model, class_index: Classes, count: int) -> Tensor:
    """Factors on each picture's scores, [N,classes]: 1 for its class, -1 for the one it leads.

    Args:
        model: A classifier.
        class_index: Integers [N], or [N,2] for the first one's lead over the second.
        count: N.

    Raises:
        ExplainError: The classes do not fit the pictures or the model.
    """
    index = np.asarray(class_index)
    classes = len(subject.of(model).classes)
    if index.shape not in ((count,), (count, 2)) or not np.issubdtype(index.dtype, np.integer):
        raise ExplainError(
            f"class_index takes one integer for each of {count} pictures, or two for a lead, "
            f"received {index.dtype} of shape {index.shape}"
        )
    if count and not 0 <= index.min() <= index.max() < classes:
        raise ExplainError(
            f"class_index takes 0 to {classes - 1}, received {index.min()} to {index.max()}"
        )
    chosen = np.eye(classes, dtype=np.float32)[index]
    return ops.convert_to_tensor(chosen if index.ndim == 1 else chosen[:, 0] - chosen[:, 1])


def pixels(images: np.ndarray) -> Tensor:
    """Pictures as a tensor, float32."""
    return ops.convert_to_tensor(np.asarray(images, np.float32))


def float32(tensor: Tensor) -> np.ndarray:
    """A tensor as an array, float32."""
    # Half-precision maps lose digits in the sums that follow, or overflow.
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@contextmanager
def _noted(layer: Any, seen: list[Tensor]) -> Iterator[None]:
    """Note what a layer's own activation is given."""
    own = layer.activation

    def activation(scores: Tensor) -> Tensor:
        seen.append(scores)
        return own(scores)

    vars(layer)["activation"] = activation
    try:
        yield
    finally:
        vars(layer)["activation"] = own


def _is_map(shape: tuple[int | None, ...]) -> bool:
    return len(shape) == 4 and shape[1:3] != (1, 1)


def _check_map(model: keras.Model, path: str, shapes: list[tuple[int | None, ...]]) -> None:
    """Refuse a tap without places; here, since Keras rewrites what is raised inside a layer."""
    if not shapes:
        raise ExplainError(f"layer {path!r} does not run on a picture", subject.places(model))
    if not _is_map(shapes[-1]):
        one = len(shapes[-1]) == 4
        fault = "is 1x1: it has no places to tell apart" if one else "gives no map"
        raise ExplainError(f"tap {path!r} {fault}", subject.places(model))
