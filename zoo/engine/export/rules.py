"""Operations of TensorFlow for which tf2onnx has no rule, in operations of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np
from tf2onnx import utils


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
