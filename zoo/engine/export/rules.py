"""Where tf2onnx has no rule for an operation of TensorFlow, or one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tf2onnx import utils
from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer


def erfc(graph: Any, node: Any, name: str, arguments: list[Any]) -> None:
    """1 - Erf(x), which TensorFlow's exact GELU is made of."""
    inputs, outputs = list(node.input), list(node.output)
    facts = {"shapes": [graph.get_shape(outputs[0])], "dtypes": [graph.get_dtype(outputs[0])]}
    one = graph.make_const(utils.make_name("one"), np.array(1, np.float32)).output[0]
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", inputs, **facts).output[0]
    graph.make_node("Sub", [one, erf], outputs=outputs, **facts)


RULES = {"Erfc": (erfc, [])}
"""As tf2onnx takes them: operation to rule and its further arguments."""


@contextmanager
def mended() -> Iterator[None]:
    """Let tf2onnx move layouts past a number that is added to a convolution without a bias.

    It takes the number for a bias, fails at its shape of no dimensions, and then, without a word,
    leaves every map of the model transposed before and after its convolution.
    """
    rule = TransposeOptimizer._add_handler

    def add(self: Any, transpose: Any, node: Any) -> Any:
        added = node.inputs[1]
        if added.is_const() and added.get_tensor_value(as_list=False).ndim == 0:
            return self._handle_node_having_branches(transpose, node)
        return rule(self, transpose, node)

    TransposeOptimizer._add_handler = add
    try:
        yield
    finally:
        TransposeOptimizer._add_handler = rule
