"""How fast an exported model runs here, by the rules of `zoo.engine.bench`; without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from zoo import exported
from zoo.engine import machine, timing
from zoo.engine.export import session
from zoo.engine.export.answer import Classifier
from zoo.errors import ExportError

SCHEMA = 1


def bench(
    target: str | Path,
    *,
    batch_sizes: Sequence[int] = (1, 8, 32),
    seconds: float = 3.0,
    threads: int | None = None,
    phases: timing.Phases | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure throughput and latency of an ONNX classifier.

    Args:
        target: An exported folder or an ONNX file.
        batch_sizes: One row is measured for each.
        seconds: How long each row is measured; warming up may take as long again.
        threads: Threads inside of an operation; None lets onnxruntime choose.
        phases: Holds phases timed before.
        progress: Called with a sentence before each row.

    Returns:
        A document as `zoo.engine.bench.bench` gives it, with `format` and `threads`.

    Raises:
        ExportError: The file cannot be run, or takes another batch size.
    """
    phases = phases or timing.Phases()
    path = exported.locate(target)
    facts = exported.facts(path)
    with phases.phase("build"):
        asked = session.Session(path, session.options(threads))
    size = asked.size if None not in asked.size else Classifier(path, "0..255").size
    if asked.batch is not None and set(batch_sizes) != {asked.batch}:
        raise ExportError(
            f"{path.name} takes batches of {asked.batch} alone, received "
            f"{', '.join(map(str, batch_sizes))}",
            f"say --batch-size {asked.batch}",
        )
    graph = onnx.load(path).graph
    gmacs = macs(graph, size) / 1e9
    rows = []
    for batch_size in batch_sizes:
        if progress:
            progress(f"inference, batch of {batch_size}")
        row = _row(asked, (batch_size, *size, 3), seconds, phases.clock)
        row["gflops_per_second"] = 2 * gmacs * batch_size / row["step_seconds"]["p50"]
        rows.append(row)
    return {
        "schema": SCHEMA,
        "target": str(target),
        "spec": facts.get("arch", ""),
        "format": "onnx",
        "mode": "inference",
        "input_size": list(size),
        "classes": len(facts.get("classes", ())) or None,
        "dtype": np.dtype(asked.dtype).name,
        "parameters": sum(int(np.prod(t.dims)) for t in graph.initializer),
        "gmacs": gmacs,
        "jit_compile": False,
        "threads": threads,
        "source": "random uint8 pictures in memory",
        "phases": dict(phases.seconds),
        "rows": rows,
        "peak_memory_bytes": machine.peak_memory(),
        "machine": machine.facts(),
    }


def macs(graph: onnx.GraphProto, size: Sequence[int]) -> float:
    """Multiplications of a picture in convolutions and products of matrices.

    Args:
        graph: The graph, with its weights.
        size: Height and width of the picture.
    """
    model = onnx.ModelProto(ir_version=8, opset_import=[onnx.helper.make_opsetid("", 18)])
    model.graph.CopyFrom(graph)
    for dim, side in zip(_free_sides(model.graph), size, strict=False):
        dim.dim_value = side
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # of a file from elsewhere; its speed is told all the same
        return 0.0
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
        for value in (*inferred.value_info, *inferred.output)
    }
    # In the QDQ form the weights pass through a node of their own.
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    total = 0.0
    for node in graph.node:
        if node.op_type == "Conv" and node.output[0] in shapes:
            total += np.prod(shapes[node.output[0]]) * np.prod(weights[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul") and node.input[1] in weights:
            places = np.prod(shapes.get(node.output[0], [0])[:-1] or [1])
            total += places * np.prod(weights[node.input[1]])
    return float(total)


def _free_sides(graph: onnx.GraphProto) -> list[Any]:
    dims = graph.input[0].type.tensor_type.shape.dim
    sides = dims[2:] if dims[1].dim_value == 3 else dims[1:3]
    return [dim for dim in sides if not dim.dim_value]


def _row(
    asked: session.Session, shape: tuple[int, ...], seconds: float, clock: timing.Clock
) -> dict[str, Any]:
    """Measure one batch size."""
    images = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    feed = asked.feed(images)
    step = asked.step(feed)
    phases = timing.Phases(clock)
    with phases.phase("first_step"):
        step()
    with phases.phase("warm_up"):
        warm = timing.warm_up(step, seconds=seconds, clock=clock)
    with phases.phase("steady"):
        durations = timing.repeat(step, seconds=seconds, clock=clock)
    summary = timing.summarize(durations)
    return {
        "batch_size": shape[0],
        "phases": phases.seconds,
        "warm_up_steps": warm["steps"],
        "steady": warm["steady"],
        "step_seconds": summary,
        "images_per_second": shape[0] / summary["p50"],
    }
