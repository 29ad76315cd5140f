"""Pictures of any size brought to the model's inside the graph, as Pillow brings them there.

ONNX's antialiased Resize is Pillow's bilinear filter once samples beyond the border count for
nothing (`exclude_outside`). On uint8 onnxruntime and Pillow differ by one grey level at most, in
their rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper

from zoo.engine.export.graph import Graph, Weight
from zoo.errors import ExportError

RULE = (
    "in the graph: stretched to the size, bilinear, antialiased, half-pixel centres, as "
    "Pillow's Image.resize, to within one grey level"
)


def check(preprocessing: Mapping[str, Any]) -> None:
    """Refuse a model whose pictures are prepared in a way that the graph cannot repeat.

    Args:
        preprocessing: An anatomy's.

    Raises:
        ExportError: They are not simply stretched.
    """
    way = preprocessing.get("resize", "stretch"), preprocessing.get("interpolation", "bilinear")
    if way != ("stretch", "bilinear"):
        raise ExportError(
            f"the model's pictures are prepared by {way[0]}, {way[1]}; in the graph they can only "
            "be stretched, bilinear",
            "leave size 'resize' out, and prepare them outside as zoo.json says",
        )


def prepend(graph: Graph) -> None:
    """Resize the input, uint8 [N, height, width, 3], to the size that the graph was traced for.

    Args:
        graph: The graph, changed in place; its input's height and width become free.
    """
    (image,) = graph.inputs
    dims = image.type.tensor_type.shape.dim
    size = np.array([dims[1].dim_value, dims[2].dim_value], np.int64)
    for node in graph.nodes:
        for index, name in enumerate(node.input):
            if name == image.name:
                node.input[index] = "resized"
    graph.weights["resize/size"] = Weight.of(size)
    resize = helper.make_node(
        "Resize",
        [image.name, "", "", "resize/size"],
        ["resized"],
        mode="linear",
        antialias=1,
        exclude_outside=1,
        coordinate_transformation_mode="half_pixel",
        axes=[1, 2],
    )
    graph.nodes.insert(0, resize)
    dims[1].Clear()
    dims[2].Clear()
