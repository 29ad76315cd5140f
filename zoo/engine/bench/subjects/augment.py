"""An augmentation policy as a work: a batch of pictures through its compiled plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from zoo.engine import runtime
from zoo.engine.bench import source
from zoo.engine.bench.program import Work
from zoo.errors import BenchError

if TYPE_CHECKING:
    from zoo.benchmark.case import Case

SIZE = 224


def load(case: Case) -> Any:
    """The compiled policy."""
    policy = source.policy(case.target)
    if policy is None:
        raise BenchError(f"policy {case.target} changes nothing: there is nothing to measure")
    return policy


def work(case: Case, policy: Any) -> Work:
    """A batch as training has it: uint8 pictures in, float32 pictures out."""
    side = case.input_size or SIZE
    count = case.batch_size
    images = tf.constant(source.pictures((count, side, side, 3), "uint8"))
    indices = tf.range(count, dtype=tf.int64)
    seed, epoch = tf.constant(0, tf.int64), tf.constant(0, tf.int64)

    @tf.function(jit_compile=case.jit_compile, autograph=False)
    def augment(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        seen = policy(images, seed, epoch, indices)
        return tf.reduce_sum(seen), seen

    compiled = augment.get_concrete_function(images)
    return Work(
        launch=lambda: compiled(images),
        count=count,
        wait=lambda result: float(result[0]),
        settings={"input_size": side, "intra_op_threads": runtime.cores()},
    )
