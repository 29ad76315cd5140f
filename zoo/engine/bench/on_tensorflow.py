"""Steps compiled by TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from zoo.engine.bench.loss import cross_entropy
from zoo.engine.bench.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare(precision: str) -> None:
    """Set what holds for the whole process: whether a GPU may round the products of float32."""
    tf.config.experimental.enable_tensor_float_32_execution(precision != "float32")


def inference(model: keras.Model, shape: tuple[int, ...], dtype: str, jit: bool) -> Program:
    """A forward pass.

    Args:
        model: The model.
        shape: Of a batch, [N,H,W,3].
        dtype: Of a batch.
        jit: Compile with XLA.
    """

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype)], jit_compile=jit, autograph=False)
    def forward(pictures: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        answers = model(pictures, training=False)
        return tf.reduce_sum(answers), answers

    compiled = forward.get_concrete_function()
    return _program(
        lambda pictures, labels: compiled(pictures),
        wait=lambda result: float(result[0]),
        answer=lambda result: result[1].numpy(),
        jit=jit,
    )


def training(model: keras.Model, shape: tuple[int, ...], dtype: str, jit: bool) -> Program:
    """A step of SGD with momentum on cross-entropy.

    Args:
        model: The model, whose weights change.
        shape: Of a batch, [N,H,W,3].
        dtype: Of a batch.
        jit: Compile with XLA.
    """
    loss_of = cross_entropy(model)
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    optimizer.build(model.trainable_variables)
    signature = [tf.TensorSpec(shape, dtype), tf.TensorSpec((shape[0],), "int64")]

    @tf.function(input_signature=signature, jit_compile=jit, autograph=False)
    def train(pictures: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(pictures, training=True))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        # The first weights get their gradient last: their sum is ready when all else is.
        return tf.reduce_sum(variables[0].value) + tf.cast(loss, variables[0].value.dtype)

    return _program(train.get_concrete_function(), wait=float, answer=None, jit=jit)


def compiled(function: Callable[..., Any], jit: bool = False) -> Callable[..., Any]:
    """A function of tensors as one graph, or as one program of XLA."""
    return tf.function(function, jit_compile=jit, autograph=False)


def asynchronous() -> bool:
    """Whether a call returns before its work is done."""
    return bool(tf.config.get_visible_devices("GPU"))


def drain() -> None:
    """Wait until every device has nothing left to do."""
    tf.test.experimental.sync_devices()


def device_memory() -> int | None:
    """Largest memory that the GPU held since this process began, in bytes."""
    if not tf.config.get_visible_devices("GPU"):
        return None
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def _program(launch: Callable[..., Any], *, wait: Any, answer: Any, jit: bool) -> Program:
    gpu = asynchronous()
    return Program(
        launch=launch,
        wait=wait,
        put=_put,
        drain=drain,
        asynchronous=gpu,
        answer=answer,
        settings={
            "jit_compile": jit,
            "tf32": gpu and tf.config.experimental.tensor_float_32_execution_enabled(),
            "layout": keras.config.image_data_format(),
            "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        },
    )


def _put(array: np.ndarray) -> tf.Tensor:
    # A constant may share the array's memory on a CPU; on a GPU this is the copy.
    return tf.constant(array)
