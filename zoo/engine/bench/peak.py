"""What the device can do at best: a product of matrices and a copy, timed where models are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.benchmark.document import Peak
from zoo.engine import timing

if TYPE_CHECKING:
    from collections.abc import Callable

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
    import numpy as np
    from keras import ops

    from zoo.engine.bench.subjects.model import backend

    engine = backend(case.backend)
    kind = "gpu" if device.startswith("gpu") else "cpu"
    side, count = GEMM[kind], COPY[kind]
    dtype = TYPES.get(case.precision, "float32")
    product = engine.compiled(lambda left, right: ops.matmul(left, right))
    # One more than what is there: a copy that no compiler can leave out.
    copy = engine.compiled(lambda values: values + 1)
    # Random numbers: of equal ones a GPU makes a faster product, since fewer bits change.
    chance = np.random.default_rng(0)
    matrix = ops.cast(chance.standard_normal((side, side), "float32"), dtype)
    values = ops.convert_to_tensor(chance.random((count,), "float32"))
    return Peak(
        backend=case.backend,
        precision=case.precision,
        threads=case.threads,
        gemm_gflops=2 * side**3 / _best(lambda: product(matrix, matrix), engine.drain) / 1e9,
        copy_gbytes=2 * 4 * count / _best(lambda: copy(values), engine.drain) / 1e9,
    )


def _best(launch: Callable[[], Any], drain: Callable[[], None]) -> float:
    """Seconds of the fastest of a few windows, each waited for at its end."""

    def wait(result: Any) -> None:
        drain()

    (first,) = timing.windows(launch, wait, step_seconds=0, seconds=0, at_least=1)
    (step,) = timing.windows(launch, wait, step_seconds=0, seconds=0, at_least=1)
    del first  # which compiled
    return min(timing.windows(launch, wait, step_seconds=step, seconds=0, at_least=REPEATS))
