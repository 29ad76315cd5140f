"""What the device can do at best: a product of matrices and a copy, timed where models are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmark.document import Peak
from zoo.engine import timing

if TYPE_CHECKING:
    from zoo.benchmark.case import Case

GEMM = {"cpu": 2048, "gpu": 8192}
"""Side of the matrices: large enough to be bound by arithmetic."""
COPY = {"cpu": 1 << 26, "gpu": 1 << 28}
"""Numbers of 4 bytes that are copied: more than any cache holds."""
REPEATS = 8
TYPES = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}


def measure(case: Case, device: str) -> Peak:
    """Measure the limits for a case's backend and precision, the best of a few.

    Args:
        case: Says backend, precision and threads.
        device: What `runtime.start` gave.
    """
    from keras import ops

    from zoo.engine.bench.subjects.model import backend

    engine = backend(case.backend)
    kind = "gpu" if device.startswith("gpu") else "cpu"
    side, count = GEMM[kind], COPY[kind]
    dtype = TYPES.get(case.precision, "float32")
    product = engine.compiled(lambda left, right: ops.matmul(left, right))
    # One more than what is there: a copy that no compiler can leave out.
    copy = engine.compiled(lambda values: values + 1)
    matrix = ops.full((side, side), 0.5, dtype=dtype)
    values = ops.zeros((count,), dtype="float32")
    return Peak(
        backend=case.backend,
        precision=case.precision,
        threads=case.threads,
        gemm_gflops=2 * side**3 / _best(lambda: product(matrix, matrix), engine.drain) / 1e9,
        copy_gbytes=2 * 4 * count / _best(lambda: copy(values), engine.drain) / 1e9,
    )


def _best(launch, drain) -> float:  # type: ignore[no-untyped-def]
    def step() -> None:
        result = launch()
        drain()
        del result

    timing.repeat(step, seconds=0, at_least=2)
    return min(timing.repeat(step, seconds=0, at_least=REPEATS).durations)
