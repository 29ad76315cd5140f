"""An augmentation policy as a work: a batch of pictures through its compiled plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from zoo.engine import runtime
from zoo.engine.bench import source
from zoo.engine.bench.program import Work
from zoo.errors import BenchError

if TYPE_CHECKING:
    from zoo.benchmark.case import Case
    from zoo.engine.augment import Plan

SIZE = 224
SEED, EPOCH, CLASSES = 0, 0, 1000


def load(case: Case) -> Plan:
    """The compiled policy."""
    from zoo.engine import augment

    transforms = source.transforms(case.target)
    if not transforms:
        raise BenchError(f"policy {case.target} changes nothing: there is nothing to measure")
    return augment.compile(transforms)


def work(case: Case, plan: Plan) -> Work:
    """A batch, its parameters drawn anew: on the CPU as in training, or with XLA in one step."""
    side = case.input_size or SIZE
    pictures = source.pictures((case.batch_size, side, side, 3), "uint8")
    indices = np.arange(case.batch_size)
    given = pictures, source.labels(case.batch_size, CLASSES)
    launch = _on_device(plan, pictures, indices) if case.jit_compile else None
    return Work(
        launch=launch or (lambda: plan.batch(*given, SEED, EPOCH, indices, classes=CLASSES)[0]),
        count=case.batch_size,
        # One number of the last picture is there when all are.
        wait=lambda seen: float(np.asarray(seen[-1, -1, -1, -1])),
        settings={
            "input_size": side,
            "jit_compile": case.jit_compile,
            "intra_op_threads": runtime.cores(),
        },
    )


def _on_device(plan: Plan, pictures: np.ndarray, indices: np.ndarray) -> Any:
    images = tf.constant(pictures)
    height, width = pictures.shape[1:3]

    @tf.function(jit_compile=True, autograph=False)
    def augment(images: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        return plan.on_device(images, rows)

    def launch() -> tf.Tensor:
        params = plan.sample(SEED, EPOCH, indices)
        return augment(images, tf.constant(plan.prepare(params, height, width)))

    return launch
