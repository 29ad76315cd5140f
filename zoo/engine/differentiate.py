"""Gradients of a class's logit at a tap, on whichever backend Keras runs."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from zoo.engine import guided as rule
from zoo.engine import program, subject, watch
from zoo.engine.program import Classes, Look, Program, Tensor
from zoo.errors import ExplainError

SCALE = 1024.0
"""Factor on the score while it is differentiated, so that float16 does not lose small gradients.

A power of two changes no digit of float32.
"""


def gradient(
    model: keras.Model,
    images: np.ndarray,
    class_index: Classes,
    *,
    tap: str = "last",
    guided: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """A tap's activations, and the gradient of each picture's class logit with respect to them.

    The logit, not the probability: a softmax mixes the classes, and once it saturates its gradient
    is zero. The backbone runs forward only; what is differentiated is the part from tap to logits.

    Args:
        model: A classifier; left as it is.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class of each picture whose logit is differentiated, integers [N]; or two
            of them, [N,2], for the first one's lead over the second. For a model of one sigmoid
            unit 1 is its own logit, 0 the negative.
        tap: Name of a tap, `last`, `input` for the pictures themselves, or the name of a layer
            that gives a map.
        guided: Let only positive gradients pass back through each ReLU.

    Returns:
        Activations and gradient, float32 [N,h,w,c] each.

    Raises:
        ModelError: There is no such tap.
        ExplainError: The classes do not fit the pictures or the model, the tap gives no map, or
            the backend has no gradient.
    """
    chosen = program.factors(model, class_index, len(images))
    differentiated = program.of(model, _gradient, subject.tap_path(model, tap), guided)
    activations, slope = differentiated(program.pixels(images), chosen)
    return program.float32(activations), program.float32(slope) / SCALE


def _gradient(model: keras.Model, path: str, guided: bool) -> Program:
    backend = keras.backend.backend()
    if backend not in _DIFFERENTIATE:
        raise ExplainError(
            f"no gradients with the Keras backend {backend!r}",
            hint=f"set KERAS_BACKEND to one of {', '.join(_DIFFERENTIATE)}",
        )
    gates = rule.gates(model) if guided else {}

    def value(images: Tensor, chosen: Tensor, look: Look) -> Tensor:
        with watch.watching(gates):
            logits = program.run(model, images, path, look)
        # Pictures do not touch each other outside of training, so the gradient of the sum is each
        # picture's own.
        return ops.sum(program.spread(logits) * chosen) * SCALE

    return _DIFFERENTIATE[backend](value)


def _by_tensorflow(value: Callable[[Tensor, Tensor, Look], Tensor]) -> Program:
    import tensorflow as tf

    # As a graph, which frees a map when its last reader has run; eagerly all of them are held to
    # the end, 150 MB a picture for VGG16 with batch normalisation.
    @tf.function(reduce_retracing=True, autograph=False)
    def differentiated(images: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []
        # The tape follows only what comes after a tensor that it watches: head, not backbone.
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def look(at: Tensor) -> Tensor:
                tape.watch(at)
                seen.append(at)
                return at

            total = value(images, chosen, look)
        zero = tf.UnconnectedGradients.ZERO
        return seen[-1], tape.gradient(total, seen[-1], unconnected_gradients=zero)

    return differentiated


def _by_jax(value: Callable[[Tensor, Tensor, Look], Tensor]) -> Program:
    import jax

    def differentiated(images: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []
        value(images, chosen, lambda at: seen.append(at) or at)
        step = ops.zeros_like(seen[-1])
        return seen[-1], jax.grad(lambda step: value(images, chosen, lambda at: at + step))(step)

    return differentiated


_DIFFERENTIATE = {"tensorflow": _by_tensorflow, "jax": _by_jax}
