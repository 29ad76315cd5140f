"""What a reader of the file must know: classes, preprocessing, origin. Inside it and beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import onnx
from onnx import helper

from zoo.engine import machine

if TYPE_CHECKING:
    from zoo.engine.anatomy import Anatomy

SCHEMA = 1
CONVERTERS = ("keras-zoo", "tensorflow", "keras", "numpy", "onnx", "tf2onnx")
"""Packages whose versions decide the bytes of the file."""


def facts(anatomy: Anatomy, name: str, activation: str) -> dict[str, Any]:
    """What is known of a model before it is converted.

    Args:
        anatomy: The model's anatomy.
        name: What to call it where a file or a server needs a name.
        activation: "softmax" or "sigmoid".

    Returns:
        The beginning of `zoo.json`.
    """
    versions = machine.versions()
    backbone = anatomy.resolved.get("backbone") or {}
    return {
        "schema": SCHEMA,
        "name": name,
        "task": "classify",
        "arch": anatomy.spec,
        "weights": backbone.get("weights"),
        "classes": list(anatomy.classes),
        "activation": activation,
        "preprocess": {
            **anatomy.preprocessing,
            "size": list(anatomy.input_size),
            "layout": "NHWC",
            "normalization": {**anatomy.normalization, "in_graph": True},
        },
        "resolved": anatomy.resolved,
        "dtype": "float32",
        "versions": {package: versions[package] for package in CONVERTERS if package in versions},
    }


def metadata(facts: dict[str, Any]) -> dict[str, str]:
    """The same inside the file, as names and values.

    Names of our own hold JSON; `names`, `imgsz` and `task` are what readers of ultralytics' files
    look for, `Image.*` what onnx defines in docs/MetadataProps.md.

    Args:
        facts: What `facts` gave.
    """
    ours = {
        "schema": facts["schema"],
        "arch": facts["arch"],
        "weights": facts["weights"],
        "labels": facts["classes"],
        "preprocess": facts["preprocess"],
        "outputs": {"probabilities": facts["activation"], "logits": "linear"},
        "versions": facts["versions"],
    }
    return {
        **{f"zoo.{name}": _json(value) for name, value in ours.items()},
        "names": _json({str(i): name for i, name in enumerate(facts["classes"])}),
        "imgsz": _json(facts["preprocess"]["size"]),
        "task": facts["task"],
        "Image.BitmapPixelFormat": "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "NominalRange_0_255",
    }


def tensors(values: Iterable[onnx.ValueInfoProto]) -> list[dict[str, Any]]:
    """Inputs or outputs of a graph as plain data: name, dtype, shape.

    Args:
        values: `graph.input` or `graph.output`.
    """
    return [
        {
            "name": value.name,
            "dtype": str(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)),
            "shape": [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        }
        for value in values
    ]


def operations(model: onnx.ModelProto) -> dict[str, int]:
    """How often each operation occurs, by name."""
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
