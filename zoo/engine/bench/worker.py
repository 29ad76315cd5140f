"""The process that measures one configuration: `python -m zoo.engine.bench.worker row ANSWER`.

It reads the case from standard input and writes its answer as JSON, beside and renamed, so that
whoever waits for it finds all of it or nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from zoo import atomic
from zoo.benchmark.case import Case
from zoo.errors import BenchError, ZooError

FULL = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "OOM when", "bad_alloc", "bad allocation")
"""How the backends say that memory is full."""


def main(what: str, answer: Path) -> None:
    """Measure and answer.

    Args:
        what: `row`, `attempt` or `peak`.
        answer: The file to write.
    """
    case = Case.model_validate_json(sys.stdin.read())
    try:
        told = _measured(what, case)
    except ZooError as error:
        problem = {
            "class": type(error).__name__, "message": error.message, "hint": error.hint,
        }  # fmt: skip
        told = {"problem": problem}
    except Exception as error:
        if not is_full(error):
            raise
        told = {
            "row": {
                "case": case.model_dump(),
                "error": f"a batch of {case.batch_size} does not fit into memory",
            }
        }
    with atomic.replacing(answer) as beside:
        beside.write_text(json.dumps(told), encoding="utf-8")


def is_full(error: BaseException) -> bool:
    """Whether an error says that memory is full, in the words of any backend."""
    text = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(word in text for word in FULL)


def _measured(what: str, case: Case) -> dict[str, Any]:
    from zoo.engine import runtime, timing

    if case.threads:
        _hold(case.threads)
    phases = timing.Phases()
    with phases.phase("import"):
        device = _start(case)
    if what == "peak":
        from zoo.engine.bench import peak

        return {"peak": peak.measure(case, device).model_dump()}
    from zoo.engine.bench import measure

    on_cpu = device.startswith("cpu")
    if case.precision == "tf32" and on_cpu:
        raise BenchError(
            "tf32 is how GPUs round the products of float32, and this runs on a CPU",
            "leave --precision out",
        )
    if on_cpu:
        runtime.bound_memory()
    if what == "attempt":
        measure.attempt(case)
        return {"row": {"case": case.model_dump()}}
    row = measure.row(case, phases=phases, device=device)
    return {"row": row.model_dump(mode="json")}


def _start(case: Case) -> str:
    if case.backend == "jax":
        if importlib.util.find_spec("jax") is None:
            raise BenchError("JAX is not installed", "pip install 'keras-zoo[jax]'")
        from zoo.engine.bench import on_jax

        return on_jax.start(case.device, case.precision)
    from zoo.engine import runtime

    device = runtime.start(case.device)
    from zoo.engine.bench import on_tensorflow

    on_tensorflow.prepare(case.precision)
    return device


def _hold(threads: int) -> None:
    """Leave the process that many cores, which every backend takes for all there are."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
