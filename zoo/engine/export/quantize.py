"""8-bit models: weights and activations as integers, scaled per channel and per tensor.

Static quantisation in the QDQ form with unsigned activations and signed weights, the pair that x86
processors multiply fastest; the softmax, the logits and what hangs on them stay in float32. On
processors without VNNI such products can overflow 16 bits, hence the second file with weights of
7 bits (`reduce_range`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from zoo.engine.export import session

OPERATIONS = ("Conv", "Gemm", "MatMul", "Add", "Mul", "MaxPool", "AveragePool", "Concat")
"""Operations that are computed in 8 bits, besides those that pass values on unchanged."""

PASSING = ("GlobalAveragePool", "Relu", "Clip", "Reshape", "Squeeze", "Transpose", "Pad", "Resize")

IN_INT8 = ("QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat", "ConvInteger")
"""Operations with weights, as onnxruntime calls them when it runs them in 8 bits."""

WEIGHTY = ("Conv", "Gemm", "MatMul")
"""Operations with weights: those that can be left in float32 one by one."""


def write(
    source: Path,
    path: Path,
    ranges: TensorsData,
    *,
    floating: Collection[str] = (),
    reduce_range: bool = False,
) -> None:
    """Write the 8-bit form of a model.

    Args:
        source: The float32 model.
        path: The file to write.
        ranges: Of its activations.
        floating: Names of nodes to leave in float32, besides the ends of the model.
        reduce_range: Use 7 bits of each weight.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(source))
    producer = model.producer_name, model.producer_version
    with _silence():
        quantizer = QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=reduce_range,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=sorted({*start(model), *end(model), *floating}),
            op_types_to_quantize=[*OPERATIONS, *PASSING],
            extra_options={},
        )
        quantizer.quantize_model()
    result = quantizer.model.model
    _shield(result.graph, floating)
    del result.graph.value_info[:]
    result.producer_name, result.producer_version = producer
    path.write_bytes(result.SerializeToString(deterministic=True))


def _shield(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """Keep onnxruntime from quantising what was left in float32.

    It takes a float node between dequantised inputs and a quantised output for one that somebody
    forgot, and quantises its weights itself, by tensor. So the sign of the weights is turned, which
    is exact, and given back by a node that stands in between.

    Args:
        graph: The quantised graph, changed in place.
        names: Nodes with weights that were left out.
    """
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.name not in names:
            continue
        for name in [name for name in node.input if name in arrays]:
            turned = f"{name}/turned"
            array = -numpy_helper.to_array(arrays[name])
            if turned not in arrays:
                arrays[turned] = numpy_helper.from_array(array, turned)
            node.input[list(node.input).index(name)] = turned
        output, node.output[0] = node.output[0], f"{node.output[0]}/turned"
        nodes.append(
            onnx.helper.make_node("Neg", [node.output[0]], [output], name=f"Neg_{node.name}")
        )
    used = {name for node in nodes for name in node.input}
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.initializer[:]
    graph.initializer.extend(arrays[name] for name in arrays if name in used)


def start(model: onnx.ModelProto) -> list[str]:
    """Nodes that normalise the pixels, before the first node with weights.

    Their few channels make 8 bits slower there than floats, and pixels lose nothing twice.
    """
    before = takewhile(lambda node: node.op_type not in WEIGHTY, model.graph.node)
    return [node.name for node in before if node.op_type in OPERATIONS]


def end(model: onnx.ModelProto) -> list[str]:
    """Nodes that no part of may lose digits: the logits and what is made of them or beside them."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    producers = {name: node for node in model.graph.node for name in node.output}
    logits = producers["logits"]
    product = logits
    while product.op_type not in ("Gemm", "MatMul", "Conv"):
        product = next(producers[name] for name in product.input if name in producers)
    found = {product.name, logits.name}
    pending = ["logits"]
    while pending:
        for node in readers.get(pending.pop(), []):
            found.add(node.name)
            pending += node.output
    # The CAM multiplies the last map, which it reads beside the pooling.
    cam = producers.get("cam")
    while cam is not None and cam.op_type != "MatMul":
        found.add(cam.name)
        cam = producers.get(cam.input[0])
    if cam is not None:
        found |= {cam.name, *(producers[n].name for n in cam.input if n in producers)}
    return sorted(found)


def candidates(source: Path) -> list[str]:
    """Nodes with weights that can be left in float32, in the model's order."""
    model = onnx.load(source, load_external_data=False)
    last = set(end(model))
    return [n.name for n in model.graph.node if n.op_type in WEIGHTY and n.name not in last]


def sensitivity(source: Path, quantized: Path, images: Sequence[np.ndarray]) -> list[str]:
    """Nodes with weights, those that 8 bits disturb most first.

    A node is disturbed by how far its output is from the float32 model's, relative to its size:
    the smallest ratio of signal to noise comes first.

    Args:
        source: The float32 model.
        quantized: Its 8-bit form.
        images: Some pictures, uint8 [1, H, W, 3] each.
    """
    names = candidates(source)
    exact, rough = (_outputs(path, names, images) for path in (source, quantized))
    noise = {
        name: float(np.square(exact[name] - rough[name]).sum())
        / max(float(np.square(exact[name]).sum()), 1e-30)
        for name in names
        if name in exact and name in rough and exact[name].shape == rough[name].shape
    }
    return sorted(noise, key=lambda name: -noise[name])


def census(path: Path) -> dict[str, Any]:
    """Which operations onnxruntime runs in 8 bits on this machine.

    Args:
        path: An 8-bit model.

    Returns:
        `int8` and `float32`: operations with weights and how often; `left`: quantising and
        dequantising nodes that were not merged into others.
    """
    options = session.options()
    optimized = path.with_name(f".{path.name}.optimized")
    options.optimized_model_filepath = str(optimized)
    # The highest level writes forms of this processor's own, which do not matter here.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    try:
        session.Session(path, options)
        nodes = onnx.load(optimized, load_external_data=False).graph.node
    finally:
        optimized.unlink(missing_ok=True)
    counts = Counter(node.op_type for node in nodes)
    return {
        "int8": {op: n for op, n in sorted(counts.items()) if op in IN_INT8},
        "float32": {op: counts[op] for op in (*WEIGHTY, "FusedConv") if counts[op]},
        "left": {op: counts[op] for op in ("QuantizeLinear", "DequantizeLinear") if counts[op]},
    }


def _outputs(
    path: Path, nodes: Sequence[str], images: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """What nodes give, by name, over some pictures."""
    model = onnx.load(path)
    by_name = {node.name: node.output[0] for node in model.graph.node}
    tensors = {name: by_name[name] for name in nodes if name in by_name}
    there = {value.name for value in model.graph.output}
    model.graph.output.extend(
        onnx.ValueInfoProto(name=tensor) for tensor in tensors.values() if tensor not in there
    )
    asked = onnxruntime.InferenceSession(
        model.SerializeToString(), session.options(), providers=session.PROVIDERS
    )
    feed = session.Session(path).feed
    given = [asked.run(list(tensors.values()), feed(image)) for image in images]
    return {
        name: np.concatenate(arrays).astype(np.float64)
        for name, arrays in zip(tensors, zip(*given, strict=True), strict=True)
    }


@contextmanager
def _silence() -> Iterator[None]:
    """Onnxruntime's quantiser logs advice for its own command line."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
