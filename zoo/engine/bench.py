"""How fast a model runs: phases timed apart, the device waited for, the spread told.

The rules that make a figure comparable:

- One compiled function of a fixed signature per batch size; nothing is traced while time is taken.
- A step ends when a number that depends on its result has been read, so that no device is still
  working when the clock is. A training step reads the updated first weights, which come last.
- Input is made once and stays on the device: this measures the model, not the way from disk.
- Time is taken once the steps have become steady; the headline is the median.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
import tensorflow as tf

from zoo import stored
from zoo.engine import anatomy, artefact, assemble, cost, machine, timing
from zoo.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SCHEMA = 1
MODES = ("inference", "train")
# Forward, gradient of the activations, gradient of the weights.
PASSES = {"inference": 1, "train": 3}

Step = "Callable[[], float]"


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
    """Measure a model's throughput and latency.

        zoo.bench("vgg16bn+dense-bn", batch_sizes=[1])["rows"][0]["images_per_second"]

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
        A document of plain JSON values: `schema`, the model's facts, `phases` in seconds, one of
        `rows` per batch size, `peak_memory_bytes` of the host and `machine`.

    Raises:
        ModelError: A batch size or mode is not accepted.
    """
    if mode not in MODES:
        raise ModelError(f"mode {mode!r} is not accepted", hint=f"accepted: {', '.join(MODES)}")
    if not batch_sizes or min(batch_sizes) < 1:
        raise ModelError(f"batch sizes {list(batch_sizes)}: each is at least 1")
    phases = phases or timing.Phases()
    with phases.phase("build"):
        model = _model(target)
    parts = anatomy.of(model)
    gmacs = cost.of(model).total("macs") / 1e9
    rows = []
    before = model.get_weights() if mode == "train" else None
    for batch_size in batch_sizes:
        if progress:
            progress(f"{mode}, batch of {batch_size}")
        make = _train_step if mode == "train" else _inference_step
        row = _row(make, model, batch_size, seconds, jit_compile, phases.clock)
        gflop = 2 * gmacs * batch_size * PASSES[mode]
        row["gflops_per_second"] = gflop / row["step_seconds"]["p50"]
        rows.append(row)
    if before is not None:
        model.set_weights(before)
    return {
        "schema": SCHEMA,
        "target": target.name if isinstance(target, keras.Model) else str(target),
        "spec": parts.spec,
        "mode": mode,
        "input_size": list(parts.input_size),
        "classes": len(parts.classes),
        "dtype": model.dtype_policy.name,
        "parameters": model.count_params(),
        "gmacs": gmacs,
        "jit_compile": jit_compile,
        "source": "random uint8 pictures on the device",
        "phases": dict(phases.seconds),
        "rows": rows,
        "peak_memory_bytes": machine.peak_memory(),
        "machine": machine.facts(),
    }


def _model(target: keras.Model | str | Path) -> keras.Model:
    if isinstance(target, keras.Model):
        return target
    name = str(target)
    return artefact.load(name) if stored.is_path(name) else assemble.build(name)


def _row(
    make: Callable[..., Step],
    model: keras.Model,
    batch_size: int,
    seconds: float,
    jit_compile: bool,
    clock: timing.Clock,
) -> dict[str, Any]:
    """Measure one batch size from tracing to the steady state."""
    phases = timing.Phases(clock)
    with phases.phase("trace"):
        step = make(model, batch_size, jit_compile)
    with phases.phase("first_step"):  # XLA compiles, and every allocator sees its sizes.
        step()
    with phases.phase("warm_up"):
        warm = timing.warm_up(step, seconds=seconds, clock=clock)
    with phases.phase("steady"):
        durations = timing.repeat(step, seconds=seconds, clock=clock)
    summary = timing.summarize(durations)
    return {
        "batch_size": batch_size,
        "phases": phases.seconds,
        "warm_up_steps": warm["steps"],
        "steady": warm["steady"],
        "step_seconds": summary,
        "images_per_second": batch_size / summary["p50"],
    }


def _inference_step(model: keras.Model, batch_size: int, jit_compile: bool) -> Step:
    pictures = _pictures(model, batch_size)

    @tf.function(
        input_signature=[tf.TensorSpec(pictures.shape, pictures.dtype)],
        jit_compile=jit_compile,
        autograph=False,
    )
    def forward(pictures: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(model(pictures, training=False))

    compiled = forward.get_concrete_function()
    return lambda: float(compiled(pictures))


def _train_step(model: keras.Model, batch_size: int, jit_compile: bool) -> Step:
    pictures = _pictures(model, batch_size)
    outputs = model.output.shape[-1]
    labels = np.random.default_rng(0).integers(0, max(outputs, 2), (batch_size, 1))
    loss_of = (
        keras.losses.BinaryCrossentropy()
        if outputs == 1
        else keras.losses.SparseCategoricalCrossentropy()
    )
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    optimizer.build(model.trainable_variables)

    @tf.function(
        input_signature=[tf.TensorSpec(pictures.shape, pictures.dtype)],
        jit_compile=jit_compile,
        autograph=False,
    )
    def train(pictures: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(pictures, training=True))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        # The first weights get their gradient last: their sum is ready when all else is.
        return tf.reduce_sum(variables[0].value) + tf.cast(loss, variables[0].value.dtype)

    compiled = train.get_concrete_function()
    return lambda: float(compiled(pictures))


def _pictures(model: keras.Model, batch_size: int) -> tf.Tensor:
    shape = (batch_size, *anatomy.of(model).input_size, 3)
    return tf.constant(np.random.default_rng(0).integers(0, 256, shape, dtype="uint8"))
