"""Steps compiled by JAX, for a Keras that runs on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from zoo.engine import runtime
from zoo.engine.bench.loss import cross_entropy
from zoo.engine.bench.program import Program
from zoo.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable


def start(device: str | None, precision: str) -> str:
    """Choose the device, before anything is calculated.

    Args:
        device: `cpu`, `gpu:N`, or None for the first GPU where there is one.
        precision: `float32` keeps a GPU from rounding products.

    Returns:
        The device, to be shown.

    Raises:
        DeviceError: There is no such device.
    """
    index = runtime.check_device(device)
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    elif index is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(index)
    exact = "highest" if precision == "float32" else "default"
    jax.config.update("jax_default_matmul_precision", exact)
    (first, *_) = jax.devices()
    if index is not None and first.platform != "gpu":
        raise DeviceError(f"no device {device!r}; JAX has {first.platform} only")
    if first.platform == "cpu":
        return f"cpu ({runtime.cores()} cores)"
    return f"{first.platform}:{index or 0} ({first.device_kind})"


def inference(model: keras.Model, shape: tuple[int, ...], dtype: str, jit: bool) -> Program:
    """A forward pass; XLA compiles it in any case.

    Args:
        model: The model.
        shape: Of a batch, [N,H,W,3].
        dtype: Of a batch.
        jit: Has no choice here.
    """
    trainable, rest = _values(model.trainable_variables), _values(model.non_trainable_variables)

    def forward(trainable: Any, rest: Any, pictures: Any) -> tuple[Any, Any]:
        answers, _ = model.stateless_call(trainable, rest, pictures, training=False)
        return jnp.sum(answers), answers

    pictures = jax.ShapeDtypeStruct(shape, dtype)
    compiled = jax.jit(forward).lower(trainable, rest, pictures).compile()
    return _program(
        lambda pictures, labels: compiled(trainable, rest, pictures),
        wait=lambda result: float(result[0]),
        answer=lambda result: np.asarray(result[1]),
    )


def training(model: keras.Model, shape: tuple[int, ...], dtype: str, jit: bool) -> Program:
    """A step of SGD with momentum on cross-entropy; the model's own weights stay as they are.

    Args:
        model: The model.
        shape: Of a batch, [N,H,W,3].
        dtype: Of a batch.
        jit: Has no choice here.
    """
    loss_of = cross_entropy(model)
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    optimizer.build(model.trainable_variables)

    def loss(trainable: Any, rest: Any, pictures: Any, labels: Any) -> tuple[Any, Any]:
        answers, rest = model.stateless_call(trainable, rest, pictures, training=True)
        return loss_of(labels, answers), rest

    def train(state: Any, pictures: Any, labels: Any) -> tuple[Any, Any]:
        trainable, rest, moments = state
        (value, rest), gradients = jax.value_and_grad(loss, has_aux=True)(
            trainable, rest, pictures, labels
        )
        trainable, moments = optimizer.stateless_apply(moments, gradients, trainable)
        return (trainable, rest, moments), value + jnp.sum(trainable[0])

    # Each step eats the state before it: a copy, so that the model keeps its own.
    state = jax.tree.map(
        jnp.copy,
        (
            _values(model.trainable_variables),
            _values(model.non_trainable_variables),
            _values(optimizer.variables),
        ),
    )
    shapes = (jax.ShapeDtypeStruct(shape, dtype), jax.ShapeDtypeStruct((shape[0],), "int32"))
    compiled = jax.jit(train, donate_argnums=0).lower(state, *shapes).compile()
    held = [state]

    def launch(pictures: Any, labels: Any) -> Any:
        held[0], told = compiled(held[0], pictures, labels)
        return told

    return _program(launch, wait=float, answer=None)


def compiled(function: Callable[..., Any], jit: bool = True) -> Callable[..., Any]:
    """A function of arrays as one program; XLA compiles it in any case."""
    return jax.jit(function)


def asynchronous() -> bool:
    """Whether a call returns before its work is done."""
    return True


def drain() -> None:
    """Wait until every array that lives is ready."""
    jax.block_until_ready(jax.live_arrays())


def device_memory() -> int | None:
    """Largest memory that the GPU held since this process began, in bytes."""
    told = jax.devices()[0].memory_stats() or {}
    return told.get("peak_bytes_in_use")


def _values(variables: list[keras.Variable]) -> list[Any]:
    return [variable.value for variable in variables]


def _program(launch: Callable[..., Any], *, wait: Any, answer: Any) -> Program:
    return Program(
        launch=launch,
        wait=wait,
        put=_put,
        drain=drain,
        asynchronous=asynchronous(),
        answer=answer,
        settings={
            "jit_compile": True,
            "tf32": jax.default_backend() == "gpu"
            and jax.config.jax_default_matmul_precision != "highest",
            "layout": keras.config.image_data_format(),
        },
    )


def _put(array: np.ndarray) -> Any:
    # Integers of 64 bits are not kept by JAX unless it is told to.
    return jnp.asarray(array.astype("int32") if array.dtype == np.int64 else array)
