"""Steps that ONNX Runtime calculates: a forward pass of an `.onnx` file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from zoo.benchmark.document import ModelFacts
from zoo.engine import runtime
from zoo.engine.bench.program import Program
from zoo.errors import BenchError

TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}


def inference(path: Path, batch_size: int) -> tuple[Program, tuple[int, ...], str]:
    """A forward pass.

    Args:
        path: The `.onnx` file, whose first input is a batch of pictures.
        batch_size: Pictures in a step.

    Returns:
        The program, and shape and dtype of its batch.

    Raises:
        BenchError: The file cannot be opened, or does not take such a batch.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.cores()
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    there = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(path, options, providers=there)
    except Exception as error:  # its own classes share no base
        raise BenchError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from None
    image = session.get_inputs()[0]
    shape = (batch_size, *image.shape[1:])
    if isinstance(image.shape[0], int) and image.shape[0] != batch_size:
        raise BenchError(
            f"{path} takes batches of {image.shape[0]} only, asked for {batch_size}",
            "export it with a batch of any size",
        )
    if image.type not in TYPES or not all(isinstance(extent, int) for extent in shape):
        raise BenchError(
            f"{path} takes {image.type} {image.shape}; accepted are pictures of a fixed size as "
            "uint8 or float32"
        )
    names = [output.name for output in session.get_outputs()]
    name = "probabilities" if "probabilities" in names else names[0]
    program = Program(
        launch=lambda pictures, labels: session.run([name], {image.name: pictures})[0],
        wait=lambda answers: float(answers.sum()),
        put=np.asarray,
        drain=lambda: None,
        asynchronous=False,
        answer=lambda answers: answers,
        settings={
            "providers": session.get_providers(),
            "graph_optimization": str(options.graph_optimization_level).rpartition(".")[2],
            "intra_op_threads": options.intra_op_num_threads,
        },
    )
    return program, shape, TYPES[image.type]


def facts(path: Path, shape: tuple[int, ...]) -> ModelFacts:
    """What an `.onnx` file tells of its model; its multiplications are not counted."""
    model = onnx.load(path, load_external_data=False)
    sizes = [math.prod(tensor.dims) for tensor in model.graph.initializer]
    output = model.graph.output[-1].type.tensor_type.shape.dim
    extents = shape[1:3] if shape[-1] == 3 else shape[2:4]
    return ModelFacts(
        name=str(path),
        parameters=sum(sizes),
        gmacs=None,
        input_size=list(extents),
        classes=output[-1].dim_value if output else 0,
        batch_norms=sum(node.op_type == "BatchNormalization" for node in model.graph.node),
        dtype="float32",
    )
