"""`zoo.bench`: measurements in this process, for a model that is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import keras

from zoo.benchmark.case import Case, Mode
from zoo.engine import timing
from zoo.engine.bench import measure, run
from zoo.engine.bench.subjects import model as models
from zoo.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def bench(
    target: keras.Model | str | Path,
    *,
    batch_sizes: Sequence[int] = (1, 8, 32),
    mode: Literal["inference", "train"] = "inference",
    seconds: float = 3.0,
    jit_compile: bool = False,
    phases: timing.Phases | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure a model's throughput and latency in this process.

        zoo.bench("vgg16bn+dense-bn", batch_sizes=[1])["rows"][0]["images_per_second"]

    `zoo bench` gives each configuration a process of its own, and measures much else.

    Args:
        target: A model, a name to build with random weights, a run folder or a `.keras` file.
        batch_sizes: One row is measured for each.
        mode: `inference`, or `train`: a step of SGD with momentum on random labels. A model that
            was handed over keeps its weights.
        seconds: How long each row is measured; warming up may take as long again.
        jit_compile: Compile with XLA.
        phases: Holds phases timed before, such as `import`, and gives the clock.
        progress: Called with a sentence before each row.

    Returns:
        The document that `zoo bench --json` prints, as plain values: `schema`, `machine`, `rows`.

    Raises:
        ModelError: A batch size or mode is not accepted.
    """
    if mode not in get_args(Mode):
        accepted = ", ".join(get_args(Mode))
        raise ModelError(f"mode {mode!r} is not accepted", hint=f"accepted: {accepted}")
    if not batch_sizes or min(batch_sizes) < 1:
        raise ModelError(f"batch sizes {list(batch_sizes)}: each is at least 1")
    given = isinstance(target, keras.Model)
    case = Case(
        target=target.name if given else str(target),
        mode=mode,
        seconds=seconds,
        jit_compile=jit_compile,
        backend=keras.backend.backend(),
    )
    phases = phases or timing.Phases()
    with phases.phase("build"):
        model = target if given else models.load(case)
    before = model.get_weights() if mode == "train" else None
    rows = []
    for batch_size in batch_sizes:
        one = case.model_copy(update={"batch_size": batch_size})
        if progress:
            progress(run.sentence(one))
        own = timing.Phases(phases.clock, dict(phases.seconds))
        rows.append(measure.row(one, model=model, phases=own))
    if before is not None:
        model.set_weights(before)
    return run.document(rows).plain()
