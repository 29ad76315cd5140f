"""What a reader of the file must know: classes, preprocessing, origin. Inside it and beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import onnx
from onnx import helper

from zoo.engine import machine
from zoo.engine.export import bundle, resize
from zoo.engine.export.interface import Interface

if TYPE_CHECKING:
    from zoo.engine.anatomy import Anatomy

SCHEMA = 1
CONVERTERS = ("keras-zoo", "tensorflow", "keras", "numpy", "onnx", "tf2onnx")
"""Packages whose versions decide the bytes of the file."""

PLAIN = Interface()

TOLERANCES = {"float32": 1e-4, "fp16": 5e-3}
"""Largest difference of a logit, relative to the largest logit, by the form of the model."""

ROOM = 1.5
"""How much further than on the machine of the export the logits of 8 bits may be off elsewhere."""

SIZES: dict[str, dict[str, Any]] = {
    "fixed": {"resize_in_graph": False},
    "dynamic": {"resize_in_graph": False, "any_size": True},
    "resize": {"resize_in_graph": True, "resize_rule": resize.RULE},
}
"""What `preprocess` says of pictures of another size."""


def facts(
    anatomy: Anatomy, name: str, activation: str, interface: Interface = PLAIN
) -> dict[str, Any]:
    """What is known of a model before it is converted.

    Args:
        anatomy: The model's anatomy.
        name: What to call it where a file or a server needs a name.
        activation: "softmax" or "sigmoid".
        interface: What the file is to take.

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
        "license": _license(anatomy),
        "classes": list(anatomy.classes),
        "activation": activation,
        "preprocess": {
            **anatomy.preprocessing,
            "size": list(anatomy.input_size),
            "layout": interface.layout.upper(),
            "dtype": interface.dtype,
            **SIZES[interface.size],
            "normalization": {**anatomy.normalization, "in_graph": True},
        },
        "resolved": anatomy.resolved,
        "dtype": "float32",
        "versions": {package: versions[package] for package in CONVERTERS if package in versions},
    }


def files(forms: Mapping[str, Any]) -> dict[str, Any]:
    """The files of a model by form, and how far each may be off.

    Args:
        forms: What was measured of `fp16` and `int8`, where there are such.

    Returns:
        `files`, name by form, and `tolerances` of logits by name, relative to the largest. Those of
        8 bits follow from what was measured here: elsewhere they tell a processor that overflows.
    """
    found = {"float32": bundle.MODEL}
    tolerances = {bundle.MODEL: TOLERANCES["float32"]}
    if "fp16" in forms:
        found["fp16"] = forms["fp16"]["file"]
        tolerances[found["fp16"]] = TOLERANCES["fp16"]
    if "int8" in forms:
        found["int8"] = forms["int8"]["int8"]["file"]
        found["int8_reduce_range"] = forms["int8"]["reduce_range"]["file"]
        for name in ("int8", "reduce_range"):
            form = forms["int8"][name]
            tolerances[form["file"]] = ROOM * form["golden_difference"]
    return {"files": found, "tolerances": tolerances}


def metadata(facts: dict[str, Any], outputs: Sequence[str]) -> dict[str, str]:
    """The same inside the file, as names and values.

    Names of our own hold JSON; `names`, `imgsz` and `task` are what readers of ultralytics' files
    look for, `Image.*` what onnx defines in docs/MetadataProps.md.

    Args:
        facts: What `facts` gave.
        outputs: Names of the outputs in order.
    """
    meaning = {
        "probabilities": facts["activation"],
        "logits": "linear",
        "embedding": "vector before the classifier",
        "cam": "class activation map of the most probable class, in logits, from 0 up",
    }
    ours = {
        "schema": facts["schema"],
        "arch": facts["arch"],
        "weights": facts["weights"],
        "labels": facts["classes"],
        "preprocess": facts["preprocess"],
        "outputs": {name: meaning[name] for name in outputs},
        "license": facts["license"],
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


def _license(anatomy: Anatomy) -> dict[str, str]:
    """SPDX ids of the backbone's code and of the weights it began with, as far as they are told."""
    backbone = anatomy.resolved.get("backbone") or {}
    weights = backbone.get("weights") or {}
    told = {"code": backbone.get("license"), "weights": weights.get("license")}
    return {what: license for what, license in told.items() if license}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
