"""Export from end to end: ask, convert, write, compare, describe, and only then give it a name."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from zoo import export_format, registry
from zoo.engine import anatomy, artefact, assemble, run
from zoo.engine.export import bundle, convert, describe, foreign, parity, probes, reference
from zoo.errors import ExportError
from zoo.export_format import ONNX

OPSETS = range(13, 19)
"""Versions of the ONNX operator set that the converter writes."""

INPUTS = ("uint8", "float32")


def export(
    target: keras.Model | str | Path,
    out: str | Path,
    *,
    format: str = ONNX,
    opset: int = 17,
    input_dtype: Literal["uint8", "float32"] = "uint8",
    classes: int | Sequence[str] = 1000,
    input_size: int | tuple[int, int] | None = None,
    seed: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Export a model to an ONNX file that is proven to give the same logits.

        zoo.export("runs/flowers", "deploy")

    Preprocessing is part of the file: it takes RGB pictures 0..255 [batch, H, W, 3] of the
    model's size and gives `probabilities` and `logits` in float32, in batches of any size. Batch
    normalisation is folded, a model trained in mixed precision is exported in float32, and the
    same model gives the same bytes every time.

    Args:
        target: A model, a run folder, a `.keras` file, or a name to build with random weights.
        out: Folder to make. It holds `model.onnx`, `zoo.json` (classes, preprocessing, origin),
            `labels.txt`, `parity.json` (how close the logits are), `golden.npz` (pictures and
            their logits, for `verify`), `SHA256SUMS`, and what plugins add.
        format: `onnx`, or one that a plugin gives. Its files are held to the same logits, and
            stand where `model.onnx` would.
        opset: Version of the ONNX operator set, 13 to 18.
        input_dtype: Type of the pictures.
        classes: Number of classes or their names, for a name.
        input_size: Height and width in pixels, for a name.
        seed: Seed of the random weights, for a name.
        progress: Called with a sentence before each step.

    Returns:
        What `zoo.json` holds, with `out`, `parity` and `added` (files of plugins by plugin).

    Raises:
        ExportError: The folder is in use, or the model cannot be expressed in ONNX.
        ParityFailure: The logits differ. The file is kept as `<out>.failed.onnx`.
    """
    _check_options(opset, input_dtype)
    chosen = None if format == ONNX else export_format.find(format, registry.load())
    out = bundle.check(out)
    say = progress or (lambda sentence: None)
    with bundle.fill(out) as folder:
        model, real = _model(target, classes, input_size, seed, say)
        facts = _facts(model, folder, real, say)
        say("converting and writing")
        if chosen is None:
            facts |= _to_onnx(model, folder, facts, opset, input_dtype)
        else:
            facts |= foreign.convert(model, folder, *chosen)
        # Whoever handed over a model keeps it. Ours makes room for what is asked next.
        del model
        gc.collect()
        if chosen is None:
            say("comparing with onnxruntime")
            figures = parity.compare(folder / bundle.MODEL, folder / bundle.GOLDEN)
            figures = {"sha256": facts["sha256"], **figures}
        else:
            say(f"comparing with what {format} answers")
            figures = foreign.compare(folder, *chosen)
        parity.check(figures)
        figures = {"schema": 1, **figures}
        bundle.write_json(folder / bundle.PARITY, figures)
        bundle.write_json(folder / bundle.FACTS, facts)
        labels = "".join(f"{name}\n" for name in facts["classes"])
        (folder / bundle.LABELS).write_text(labels, encoding="utf-8")
        added = _added(folder, facts) if chosen is None else {}
    return {**facts, "out": str(out), "parity": figures, "added": added}


def _check_options(opset: int, input_dtype: str) -> None:
    if opset not in OPSETS:
        raise ExportError(
            f"opset {opset} is not accepted", f"accepted: {OPSETS[0]} to {OPSETS[-1]}; 17 is best"
        )
    if input_dtype not in INPUTS:
        raise ExportError(
            f"input dtype {input_dtype!r} is not accepted", f"accepted: {', '.join(INPUTS)}"
        )


def _model(
    target: keras.Model | str | Path,
    classes: int | Sequence[str],
    input_size: int | tuple[int, int] | None,
    seed: int | None,
    say: Callable[[str], None],
) -> tuple[keras.Model, list[np.ndarray]]:
    """The model, and real pictures to ask it about."""
    real = None
    if isinstance(target, keras.Model):
        model = target
    elif "+" in str(target) and not Path(target).exists():
        say(f"building {target}")
        model = assemble.build(str(target), classes=classes, input_size=input_size, seed=seed)
    else:
        say(f"loading {target}")
        model = artefact.load(target)
        if (Path(target) / run.FACTS).is_file():
            real = probes.from_run(run.open(target))
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return model, real or probes.photographs(anatomy.of(model).input_size)


def _facts(
    model: keras.Model, folder: Path, real: Sequence[np.ndarray], say: Callable[[str], None]
) -> dict[str, Any]:
    """Write the golden logits into a folder, and say what is known of the model."""
    parts = anatomy.of(model)
    names, images = probes.probes(parts.input_size, real)
    say(f"asking Keras about {len(images)} pictures")
    logits = reference.logits(model, images)
    np.savez_compressed(folder / bundle.GOLDEN, images=images, logits=logits, names=names)
    activation = "softmax" if logits.shape[1] > 1 else "sigmoid"
    return describe.facts(parts, _name(parts, model), activation)


def _to_onnx(
    model: keras.Model, folder: Path, facts: dict[str, Any], opset: int, input_dtype: str
) -> dict[str, Any]:
    """Write the model into a folder, and say what is in the file."""
    proto, sha256 = convert.convert(
        model,
        folder / bundle.MODEL,
        opset=opset,
        input_dtype=input_dtype,
        metadata=describe.metadata(facts),
    )
    return {
        "opset": opset,
        "ir_version": proto.ir_version,
        "inputs": describe.tensors(proto.graph.input),
        "outputs": describe.tensors(proto.graph.output),
        "operations": describe.operations(proto),
        "bytes": (folder / bundle.MODEL).stat().st_size,
        "sha256": sha256,
    }


def _added(folder: Path, facts: dict[str, Any]) -> dict[str, list[str]]:
    """What plugins put beside the model, by plugin."""
    answers = registry.load().hooks.call("zoo_model_exported", folder=folder, document=facts)
    return {
        plugin.name: [os.path.relpath(path, folder) for path in paths] for plugin, paths in answers
    }


def _name(parts: anatomy.Anatomy, model: keras.Model) -> str:
    """A name that servers and file systems take: small letters, digits and hyphens."""
    resolved = parts.resolved
    ids = [resolved[kind]["id"] for kind in ("backbone", "head") if kind in resolved]
    return re.sub(r"[^a-z0-9]+", "-", ("-".join(ids) or model.name).lower()).strip("-") or "model"
