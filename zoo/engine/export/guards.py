"""What tf2onnx lets pass in silence: it goes on after errors and calls the result a success.

An operation it does not know stays in the file under TensorFlow's name; a mean that a layer held
aside becomes an input; an antialiased resize becomes a plain one. Each such case ends the export
here with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from zoo.errors import ExportError

TRAINING = {
    "BatchNormalization",
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
"""Operations that no model needs at inference: batch normalisation is folded before."""

CONTROL = {"If", "Loop", "Scan"}
"""Operations that hold graphs of their own, which the other guards do not look into."""


def check(
    model: onnx.ModelProto, weights: Sequence[onnx.ValueInfoProto], outputs: Sequence[str]
) -> None:
    """Refuse a graph that is not what was asked for.

    Args:
        model: The ONNX model without its weights.
        weights: Names, types and shapes of the weights.
        outputs: Names of the outputs in order.

    Raises:
        ExportError: If an operation, an input or an output is foreign, or the ONNX checker says so.
    """
    opset = model.opset_import[0].version
    foreign = sorted(
        {
            node.op_type
            for node in model.graph.node
            if node.domain or not onnx.defs.has(node.op_type, max_inclusive_version=opset)
        }
    )
    if foreign:
        raise ExportError(
            f"no ONNX operation of opset {opset} for {', '.join(foreign)}",
            "replace the layers that need it",
        )
    unwanted = sorted({node.op_type for node in model.graph.node} & (TRAINING | CONTROL))
    if unwanted:
        raise ExportError(
            f"left in the graph, where it has no place: {', '.join(unwanted)}",
            "replace the layers that need it",
        )
    given = [value.name for value in model.graph.input]
    if given != ["image"]:
        raise ExportError(f"the graph takes {', '.join(given)}; it must take image alone")
    taken = [value.name for value in model.graph.output]
    if taken != list(outputs):
        raise ExportError(f"the graph gives {', '.join(taken)}; it must give {', '.join(outputs)}")
    declared = onnx.ModelProto()
    declared.CopyFrom(model)
    # Shapes and types are all the checker needs of a weight, and a declared input has both.
    declared.graph.input.extend(weights)
    try:
        onnx.checker.check_model(declared, full_check=True)
    except Exception as error:  # the checker and the shape inference have a class each
        reason = str(error).strip().partition("\n")[0]
        raise ExportError(f"the ONNX checker refuses the graph: {reason}") from error
