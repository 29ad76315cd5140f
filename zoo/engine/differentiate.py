"""Gradients of a class's logit at a tap, on whichever backend Keras runs."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras
import numpy as np
from keras import ops

from zoo.engine import anatomy
from zoo.errors import ExplainError

Tensor: TypeAlias = "keras.KerasTensor"


def gradient(
    model: keras.Model,
    images: np.ndarray,
    class_index: np.ndarray | Sequence[int],
    *,
    tap: str = "last",
) -> tuple[np.ndarray, np.ndarray]:
    """A tap's activations, and the gradient of each picture's class logit with respect to them.

    The logit, not the probability: a softmax mixes the classes, and once it saturates its gradient
    is zero. The backbone runs forward only; what is differentiated is the part from tap to logits.

    Args:
        model: A classifier; left as it is.
        images: RGB pictures of the model's input size, 0..255, [N,H,W,3].
        class_index: The class of each picture whose logit is differentiated, integers [N]. For a
            model of one sigmoid unit 1 is its own logit, 0 the negative.
        tap: Name of a tap, `last`, or the name of a layer that gives a map.

    Returns:
        Activations and gradient, float32 [N,h,w,c] each.

    Raises:
        ModelError: There is no such tap.
        ExplainError: The classes do not fit the pictures or the model, or the backend has no
            gradient here.
    """
    chosen = _one_hot(class_index, len(images), model.outputs[0].shape[-1])
    pixels = ops.convert_to_tensor(np.asarray(images, np.float32))
    activations, slope = _cut(model, tap)(pixels, ops.convert_to_tensor(chosen))
    return _float32(activations), _float32(slope)


Differentiated: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(images, factors on the logits) -> (activations at the tap, gradient with respect to them)."""

# Cutting walks and traces the whole graph, and interpreters call batch by batch.
_cuts: weakref.WeakKeyDictionary[keras.Model, dict[str, Differentiated]] = (
    weakref.WeakKeyDictionary()
)


def _cut(model: keras.Model, tap: str) -> Differentiated:
    """Cut a model in two at a tap, and differentiate the second part."""
    backend = keras.backend.backend()
    if backend not in _DIFFERENTIATE:
        raise ExplainError(
            f"no gradients with the Keras backend {backend!r}",
            hint=f"set KERAS_BACKEND to one of {', '.join(_DIFFERENTIATE)}",
        )
    cuts = _cuts.setdefault(model, {})
    if tap not in cuts:
        image, at_tap = model.inputs[0], anatomy.tap_tensor(model, tap)
        # keras.Function reuses the graph that is there. keras.Model would copy it onto the
        # user's layers, after which the user's own model can no longer be saved.
        trunk = keras.Function(image, at_tap)
        # The pictures are an input of the rest as well, for paths that go around the tap; first,
        # so that the tap wins where it is the input itself.
        rest = keras.Function([image, at_tap], anatomy.logits_tensor(model))

        def score(images: Tensor, at: Tensor, chosen: Tensor) -> Tensor:
            # Pictures do not touch each other outside of training, so the gradient of the sum
            # is each picture's own.
            return ops.sum(ops.cast(rest([images, at]), "float32") * chosen)

        cuts[tap] = _DIFFERENTIATE[backend](trunk, score)
    return cuts[tap]


def _one_hot(class_index: np.ndarray | Sequence[int], count: int, logits: int) -> np.ndarray:
    """Factors [N, logits] that pick each picture's logit."""
    index = np.asarray(class_index)
    classes = max(logits, 2)
    if index.shape != (count,) or not np.issubdtype(index.dtype, np.integer):
        raise ExplainError(
            f"class_index takes one integer for each of {count} pictures, "
            f"received {index.dtype} of shape {index.shape}"
        )
    if count and not 0 <= index.min() <= index.max() < classes:
        raise ExplainError(
            f"class_index takes 0 to {classes - 1}, received {index.min()} to {index.max()}"
        )
    if logits == 1:
        return (2 * index - 1).astype(np.float32)[:, None]
    return np.eye(logits, dtype=np.float32)[index]


def _by_tensorflow(
    trunk: Callable[[Tensor], Tensor], score: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Differentiated:
    import tensorflow as tf

    # As a graph, which frees a map when its last reader has run; called eagerly, keras.Function
    # holds all of them to the end, 150 MB a picture for VGG16 with batch normalisation.
    @tf.function(reduce_retracing=True)
    def differentiated(images: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        at = trunk(images)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value = score(images, at, chosen)
        zero = tf.UnconnectedGradients.ZERO
        return at, tape.gradient(value, at, unconnected_gradients=zero)

    return differentiated


def _by_jax(
    trunk: Callable[[Tensor], Tensor], score: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Differentiated:
    import jax

    def differentiated(images: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        at = trunk(images)
        return at, jax.grad(score, argnums=1)(images, at, chosen)

    return differentiated


_DIFFERENTIATE = {"tensorflow": _by_tensorflow, "jax": _by_jax}


def _float32(tensor: Tensor) -> np.ndarray:
    # Half-precision maps lose digits in the sums that follow, or overflow.
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))
