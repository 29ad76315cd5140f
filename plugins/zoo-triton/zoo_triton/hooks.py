"""A model repository for NVIDIA's Triton server beside every exported model.

    tritonserver --model-repository deploy/triton

The configuration is that of Triton's onnxruntime backend: dimensions without the batch, batches
gathered by the server, and the class names attached to `probabilities`, so that a client who asks
for a classification is told names.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

from zoo.api import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

REPOSITORY = "triton"
MAX_BATCH_SIZE = 32
"""The largest batch the server gathers; the model takes any."""

ANY = -1
"""A dimension that the client chooses."""

TYPES = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}


@hookimpl
def zoo_model_exported(folder: Path, document: dict[str, Any]) -> list[Path]:
    """Write `triton/NAME/` with config.pbtxt, labels.txt and version 1 of the model."""
    home = folder / REPOSITORY / document["name"]
    config, labels, model = home / "config.pbtxt", home / "labels.txt", home / "1" / "model.onnx"
    model.parent.mkdir(parents=True)
    config.write_text(configuration(document), encoding="utf-8")
    shutil.copyfile(folder / "labels.txt", labels)
    try:
        # The same file under a second name, which takes no room.
        os.link(folder / "model.onnx", model)
    except OSError:
        shutil.copyfile(folder / "model.onnx", model)
    return [config, labels, model]


def configuration(document: dict[str, Any]) -> str:
    """The text of config.pbtxt.

    Args:
        document: What `zoo.json` holds.
    """
    inputs, outputs = (
        ",\n".join(_tensor(tensor, document) for tensor in document[kind])
        for kind in ("inputs", "outputs")
    )
    fixed = _fixed(document)
    return f"""\
name: "{document["name"]}"
platform: "onnxruntime_onnx"
max_batch_size: {0 if fixed else MAX_BATCH_SIZE}
input [
{inputs}
]
output [
{outputs}
]
{"" if fixed else "dynamic_batching { }"}
optimization {{ graph {{ level: 1 }} }}
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "0" }} }}
"""


def _fixed(document: dict[str, Any]) -> bool:
    """Whether the model takes one batch size alone: Triton then gathers none, and is told all."""
    return isinstance(document["inputs"][0]["shape"][0], int)


def _tensor(tensor: dict[str, Any], document: dict[str, Any]) -> str:
    batch, *dims = (side if isinstance(side, int) else ANY for side in tensor["shape"])
    shown = [batch, *dims] if _fixed(document) else dims
    fields = [
        f'name: "{tensor["name"]}"',
        f"data_type: {TYPES[tensor['dtype']]}",
        f"dims: {shown}",
    ]
    # One sigmoid output stands for two classes, and Triton wants a label for each output.
    if tensor["name"] == "probabilities" and dims == [len(document["classes"])]:
        fields.append('label_filename: "labels.txt"')
    return "  { " + ", ".join(fields) + " }"
