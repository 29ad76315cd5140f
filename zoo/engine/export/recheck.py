"""An exported folder checked again where it is deployed: no Keras, no TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from zoo.engine.export import bundle, describe, guards, parity
from zoo.errors import ExportError, ParityFailure


def verify(folder: str | Path, *, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Check an exported model: its files, its structure, and its answers on this machine.

        zoo.verify("deploy")

    Args:
        folder: What `export` made.
        progress: Called with a sentence before each step.

    Returns:
        `folder`, `files` (checksums by name), `parity`: how far the logits that onnxruntime gives
        here are from those that Keras gave at the export, and `forms`: the same of smaller forms.

    Raises:
        ExportError: The folder is no exported model's.
        ParityFailure: A file was changed or the logits differ.
    """
    folder = Path(folder)
    say = progress or (lambda sentence: None)
    if not folder.is_dir():
        raise ExportError(f"no folder {folder}", "give the --out of zoo export")
    _check_format(folder)
    say("checking checksums")
    files = bundle.check_sums(folder)
    say("checking the structure")
    facts = _facts(folder)
    _check_structure(folder / bundle.MODEL, facts)
    figures = {}
    for form, name in facts["files"].items():
        say(f"comparing {name} with the golden logits")
        # What is promised of a form is not for its folder to say.
        tolerance = describe.TOLERANCES.get(form, facts["tolerances"][name])
        figures[name] = parity.compare(folder / name, folder / bundle.GOLDEN, tolerance)
        try:
            parity.check(figures[name], logits_alone=form not in describe.TOLERANCES)
        except ParityFailure as failure:
            raise ParityFailure(
                f"{name}: {failure.message}",
                "export again on this machine to see whether it computes differently",
            ) from None
    others = {name: found for name, found in figures.items() if name != bundle.MODEL}
    return {
        "folder": str(folder),
        "files": files,
        "parity": figures[bundle.MODEL],
        **({"forms": others} if others else {}),
    }


def _check_format(folder: Path) -> None:
    """Tell a format of a plugin's apart from ONNX that is damaged."""
    path = folder / bundle.FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        return  # a changed file, which its checksum tells
    if "format" in facts:
        raise ExportError(
            f"{folder} is in the format {facts['format']} of {facts['plugin']}; zoo verify reads "
            "ONNX",
            f"the files are checked by: cd {folder} && sha256sum -c {bundle.SUMS}",
        )


def _facts(folder: Path) -> dict[str, Any]:
    """What the folder says of its model, with all that is asked of it here."""
    path = folder / bundle.FACTS
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names, tolerances = facts["files"], facts["tolerances"]
        complete = names["float32"] == bundle.MODEL and all(
            (folder / name).is_file() and tolerances[name] > 0 for name in names.values()
        )
        complete = complete and bool(facts["inputs"]) and bool(facts["outputs"][0]["name"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        complete = False
    if not complete:
        raise ParityFailure(f"{path} does not describe the files beside it", "export again")
    return facts


def _check_structure(path: Path, facts: dict[str, Any]) -> None:
    """The file is a valid model of the inputs and outputs that its description promises."""
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf has an error class per implementation
        raise ParityFailure(f"{path} is no ONNX file") from error
    weights = [
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in model.graph.initializer
    ]
    del model.graph.initializer[:]
    guards.check(model, weights, [output["name"] for output in facts["outputs"]])
    for kind, values in (("inputs", model.graph.input), ("outputs", model.graph.output)):
        found = describe.tensors(values)
        if found != facts[kind]:
            raise ParityFailure(
                f"{path} has {kind} {found}, its description says {facts[kind]}", "export again"
            )
