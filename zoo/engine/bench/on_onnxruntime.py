"""Steps that ONNX Runtime calculates: a forward pass of an `.onnx` file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from zoo import exported
from zoo.benchmark.document import ModelFacts
from zoo.engine import runtime
from zoo.engine.bench.program import Program
from zoo.engine.export import macs, session
from zoo.engine.export.answer import Classifier
from zoo.errors import BenchError

PROBABILITIES = "probabilities"


def inference(path: Path, batch_size: int) -> tuple[Program, tuple[int, ...]]:
    """A forward pass.

    Args:
        path: The `.onnx` file.
        batch_size: Pictures in a step.

    Returns:
        The program, whose `put` takes pictures [N,H,W,3] whatever the file wants, and their shape.

    Raises:
        ExportError: The file cannot be run.
        BenchError: It takes another batch.
    """
    threads = runtime.cores()
    asked = session.Session(path, session.options(threads))
    if asked.batch not in (None, batch_size):
        raise BenchError(
            f"{path.name} takes batches of {asked.batch} alone, received {batch_size}",
            f"say --batch-size {asked.batch}",
        )
    name = PROBABILITIES if PROBABILITIES in asked.outputs else asked.outputs[0]
    program = Program(
        launch=lambda feed, labels: asked.run([name], feed)[0],
        wait=lambda answers: float(answers.sum()),
        put=lambda array: asked.feed(array) if array.ndim == 4 else array,
        drain=lambda: None,
        asynchronous=False,
        answer=lambda answers: np.asarray(answers),
        settings={
            "providers": list(session.PROVIDERS),
            "intra_op_threads": threads,
            "layout": "channels_first" if asked.channels_first else "channels_last",
            "onnxruntime": onnxruntime.__version__,
        },
    )
    size = asked.size if None not in asked.size else Classifier(path, "0..255").size
    return program, (batch_size, *size, 3)


def facts(path: Path, size: tuple[int, int]) -> ModelFacts:
    """What a file, and the folder around it, tell of the model."""
    graph = onnx.load(path).graph
    told = exported.facts(path)
    output = graph.output[0].type.tensor_type.shape.dim
    counted = macs.count(graph, size) / 1e9
    return ModelFacts(
        name=told.get("arch") or str(path),
        parameters=sum(int(np.prod(tensor.dims)) for tensor in graph.initializer),
        gmacs=counted or None,
        input_size=list(size),
        classes=len(told.get("classes") or ()) or (output[-1].dim_value if output else 0),
        batch_norms=sum(node.op_type == "BatchNormalization" for node in graph.node),
        dtype="float32",
    )
