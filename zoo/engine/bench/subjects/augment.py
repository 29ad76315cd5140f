"""An augmentation policy as a work: a batch of pictures through its compiled plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoo.engine import runtime
from zoo.engine.bench import source
from zoo.engine.bench.program import Work
from zoo.engine.bench.subjects.model import backend
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
    on_device = case.jit_compile or case.backend == "jax"
    made = _on_device(case, plan, pictures) if on_device else _on_cpu(plan, pictures)
    settings = {"input_size": side, "jit_compile": on_device, "intra_op_threads": runtime.cores()}
    return replace(made, settings=settings)


def _on_cpu(plan: Plan, pictures: np.ndarray) -> Work:
    count = len(pictures)
    given = pictures, source.labels(count, CLASSES)
    indices = np.arange(count)
    return Work(
        launch=lambda: plan.batch(*given, SEED, EPOCH, indices, classes=CLASSES)[0],
        count=count,
        wait=_last,
    )


def _on_device(case: Case, plan: Plan, pictures: np.ndarray) -> Work:
    from keras import ops

    engine = backend(case.backend)
    augment = engine.compiled(plan.on_device, jit=True)
    count, height, width = pictures.shape[:3]
    images, indices = ops.convert_to_tensor(pictures), np.arange(count)

    def launch() -> object:
        rows = plan.prepare(plan.sample(SEED, EPOCH, indices), height, width)
        return augment(images, ops.convert_to_tensor(rows))

    return Work(
        launch=launch,
        count=count,
        wait=_last,
        drain=engine.drain,
        asynchronous=engine.asynchronous(),
        device_memory=engine.device_memory,
    )


def _last(seen: object) -> float:
    """One number of the last picture, which is there when all are."""
    return float(seen[-1, -1, -1, -1])  # type: ignore[index]
