"""Export from end to end: ask, convert, write, compare, describe, and only then give it a name."""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from zoo import export_format, registry, stored
from zoo.engine import anatomy, artefact, assemble, picture, run
from zoo.engine.export import (
    bundle,
    calibrate,
    convert,
    describe,
    ending,
    foreign,
    page,
    papers,
    parity,
    probes,
    reference,
    resize,
    smaller,
    values,
)
from zoo.engine.export.interface import Interface
from zoo.errors import ExportError
from zoo.export_format import ONNX

PARTS = ("backbone", "head")

CHECK = "converts_to_onnx"
"""The check of the conformance kit whose declared failure is repeated here."""


def export(
    target: keras.Model | str | Path,
    out: str | Path,
    *,
    format: str = ONNX,
    input_dtype: Literal["uint8", "float32"] = "uint8",
    layout: Literal["nhwc", "nchw"] = "nhwc",
    batch: int | None = None,
    size: Literal["fixed", "dynamic", "resize"] = "fixed",
    opset: int | None = None,
    fp16: bool = False,
    int8: bool = False,
    calibration: str | Path | None = None,
    max_drop: float = smaller.MAX_DROP,
    web: bool = False,
    classes: int | Sequence[str] | None = None,
    input_size: int | tuple[int, int] | None = None,
    seed: int | None = None,
    weights: str | Path | None = None,
    weights_format: str | None = None,
    weights_normalization: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Export a model to an ONNX file that is proven to give the same logits.

        zoo.export("runs/flowers", "deploy")

    Preprocessing is part of the file: it takes RGB pictures 0..255 [batch, H, W, 3] of the
    model's size and gives `probabilities` and `logits` in float32, in batches of any size. Of a
    model that classifies a vector it gives that too, as `embedding`; where the vector is the mean
    of a map, `cam` shows where the most probable class is seen. Batch normalisation is folded, a
    model trained in mixed precision is exported in float32, and the same model gives the same
    bytes every time.

    Args:
        target: A model, a run folder, a `.keras` file, or a name to build with random weights.
        out: Folder to make. It holds `model.onnx`, `zoo.json` (classes, preprocessing, origin),
            `labels.txt`, `parity.json` (how close the logits are), `golden.npz` and `golden/`
            (pictures and their logits, for `verify`), `predict.py`, which needs neither Keras nor
            TensorFlow, `MODEL_CARD.md`, `kserve.yaml`, `sbom.cdx.json`, `SHA256SUMS`, and what
            plugins add.
        format: `onnx`, or one that a plugin gives. Its files are held to the same logits, and
            stand where `model.onnx` would.
        input_dtype: Type of the pictures.
        layout: `nhwc`, or `nchw` for pictures [batch, 3, H, W].
        batch: Pictures in a batch, where the file is to take no other number.
        size: `fixed` takes pictures of the model's size. `dynamic` takes any and looks at more of
            a larger one, for models that pool. `resize` takes any and brings them to the model's
            size as in training.
        opset: Version of the ONNX operator set, 13 to 18; by default 17, or 18 to resize.
        fp16: Add `model.fp16.onnx`, in 16-bit floats.
        int8: Add `model.int8.onnx`, in 8-bit integers, and a variant for processors without VNNI.
        calibration: Folder of labelled pictures for `int8`; by default the run's own.
        max_drop: Percentage points of accuracy that 8 bits may cost on held-out pictures.
        web: Add `web/`, a page that runs the model in a browser.
        classes: Number of classes or their names, for a name; None as for `zoo.build`.
        input_size: Height and width in pixels, for a name.
        seed: Seed of the random weights, for a name.
        weights: A file of pretrained weights, for a name; this and what is said of it as for
            `zoo.build`.
        weights_format: Who wrote it.
        weights_normalization: What pixels it expects.
        progress: Called with a sentence before each step.

    Returns:
        What `zoo.json` holds, with `out`, `parity`, `added` (files of plugins by plugin) and
        `seconds` by step.

    Raises:
        ExportError: The folder is in use, or the model cannot be expressed in ONNX.
        DataError: The pictures for `int8` are too few, or of other classes.
        ParityFailure: The logits differ, or 8 bits cost too much. The file is kept as
            `<out>.failed.onnx`.
    """
    interface = Interface(input_dtype, layout, batch, size, opset)
    root = _calibration(target, calibration) if int8 else None
    chosen = None if format == ONNX else export_format.find(format, registry.load())
    out = bundle.check(out)
    building = {
        "classes": classes,
        "input_size": input_size,
        "seed": seed,
        "weights": weights,
        "weights_format": weights_format,
        "weights_normalization": weights_normalization,
    }
    say = steps = _Steps(progress)
    with bundle.fill(out) as folder, ExitStack() as stack:
        if _is_file(target):
            say(f"loading {target}")
            model, numbers = stack.enter_context(_opened(target, lean=chosen is None))
        else:
            model, numbers = _model(target, building, say), values.held
        anatomy.require_rgb(model)
        parts = anatomy.of(model)
        real = _real(target, parts.input_size)
        if size == "resize":
            resize.check(parts.preprocessing)
        pictures = None
        if root is not None:
            pictures = calibrate.pictures(
                root, parts.classes, parts.input_size, parts.preprocessing
            )
        facts = _facts(model, folder, real, interface, numbers, say)
        say("converting and writing")
        if chosen is None:
            facts |= _to_onnx(model, folder, facts, interface, numbers)
        else:
            facts |= foreign.convert(model, folder, *chosen)
        # Whoever handed over a model keeps it. Ours makes room for what is asked next.
        del model, numbers
        stack.close()
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
        if chosen is None:
            forms = _forms(folder, fp16, pictures, max_drop, say)
            figures |= forms
            facts |= describe.files(forms)
        bundle.write_json(folder / bundle.PARITY, figures)
        bundle.write_json(folder / bundle.FACTS, facts)
        labels = "".join(f"{name}\n" for name in facts["classes"])
        (folder / bundle.LABELS).write_text(labels, encoding="utf-8")
        if chosen is None:
            papers.write(folder, facts, figures)
        if web:
            say("making the web page")
            page.write(folder, facts)
        added = _added(folder, facts) if chosen is None else {}
    told = {"out": str(out), "parity": figures, "added": added, "seconds": steps.seconds()}
    return {**facts, **told}


class _Steps:
    """Tells of each step, and how long it took.

    Args:
        progress: Called with a sentence before each step, or None.
    """

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self._progress = progress
        self._begun: list[tuple[str, float]] = []

    def __call__(self, sentence: str) -> None:
        self._begun.append((sentence, time.perf_counter()))
        if self._progress is not None:
            self._progress(sentence)

    def seconds(self) -> dict[str, float]:
        """Seconds by step, the last one ending now."""
        ends = [begun for _, begun in self._begun[1:]] + [time.perf_counter()]
        return {name: end - begun for (name, begun), end in zip(self._begun, ends, strict=True)}


def _calibration(target: keras.Model | str | Path, given: str | Path | None) -> Path:
    """The folder of pictures for 8 bits: the one given, or that of the run."""
    if given is not None:
        return Path(given)
    if not isinstance(target, keras.Model) and (Path(target) / run.FACTS).is_file():
        return run.open(target).data
    raise ExportError(
        "int8 needs pictures to take the ranges of activations from",
        "give the folder of the training's pictures: --calibrate DATA",
    )


def _forms(
    folder: Path,
    fp16: bool,
    pictures: calibrate.Pictures | None,
    max_drop: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write the smaller forms that were asked for, and say how good they are."""
    forms = {}
    if fp16:
        say("writing and comparing 16-bit floats")
        forms["fp16"] = smaller.fp16(folder)
    if pictures is not None:
        forms["int8"] = smaller.int8(folder, pictures, max_drop, say)
    return forms


def _is_file(target: keras.Model | str | Path) -> bool:
    return not isinstance(target, keras.Model) and ("+" not in str(target) or Path(target).exists())


@contextmanager
def _opened(target: str | Path, *, lean: bool) -> Iterator[tuple[keras.Model, values.Values]]:
    """A saved model and where its numbers come from.

    Args:
        target: A run folder or a `.keras` file.
        lean: Leave the numbers in the file until they are needed, where that can be.
    """
    model = artefact.load(target, values=False) if lean else None
    # Only of its own models zoo knows that their logits are a layer's, not made of its variables.
    if model is None or not hasattr(model, "zoo_anatomy") or not values.reads(model):
        yield _functional(artefact.load(target)), values.held
        return
    with values.saved(model, stored.locate(target)) as numbers:
        yield model, numbers


def _model(
    target: keras.Model | str | Path,
    building: dict[str, Any],
    say: Callable[[str], None],
) -> keras.Model:
    """The model that was handed over, or one built by name."""
    if isinstance(target, keras.Model):
        return _functional(target)
    say(f"building {target}")
    return assemble.build(str(target), **building)


def _functional(model: keras.Model) -> keras.Model:
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return model


def _real(target: keras.Model | str | Path, size: tuple[int, int]) -> list[np.ndarray]:
    """Real pictures to ask the model about: its own held-out ones, or photographs."""
    found = None
    if not isinstance(target, keras.Model) and (Path(target) / run.FACTS).is_file():
        found = probes.from_run(run.open(target))
    return found or probes.photographs(size)


def _facts(
    model: keras.Model,
    folder: Path,
    real: Sequence[np.ndarray],
    interface: Interface,
    numbers: values.Values,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Write the golden answers into a folder, and say what is known of the model."""
    parts = anatomy.of(model)
    names, images = probes.probes(parts.input_size, real)
    say(f"asking Keras about {len(images)} pictures")
    golden = {"images": images, "names": names, **reference.answers(model, images, numbers)}
    gc.collect()  # what was traced holds the weights it was asked with
    if interface.size != "fixed":
        golden |= _others(model, interface, numbers)
    np.savez_compressed(folder / bundle.GOLDEN, **golden)
    activation = "softmax" if golden["logits"].shape[1] > 1 else "sigmoid"
    return describe.facts(parts, _name(parts, model), activation, interface)


def _others(
    model: keras.Model, interface: Interface, numbers: values.Values
) -> dict[str, np.ndarray]:
    """Pictures of another size than the model's, neither square, and what Keras answers to them."""
    height, width = anatomy.of(model).input_size
    others = np.stack(probes.photographs((height + height // 2, width + width // 4))[:3])
    if interface.size == "dynamic":
        asked, tolerance = others, parity.TOLERANCE
    else:
        asked = np.stack([picture.fit(image, (height, width)) for image in others])
        tolerance = parity.RESIZED
    logits = reference.answers(model, asked, numbers)["logits"]
    return {"others": others, "others_logits": logits, "others_tolerance": np.float64(tolerance)}


def _to_onnx(
    model: keras.Model,
    folder: Path,
    facts: dict[str, Any],
    interface: Interface,
    numbers: values.Values,
) -> dict[str, Any]:
    """Write the model into a folder, and say what is in the file."""
    metadata = describe.metadata(facts, ending.of(model).outputs)
    try:
        proto, sha256 = convert.convert(
            model, folder / bundle.MODEL, interface, values=numbers, metadata=metadata
        )
    except ExportError as error:
        if reason := _declared(facts["resolved"]):
            error.hint = f"known: {reason}"
        raise
    return {
        "opset": interface.written_opset,
        "ir_version": proto.ir_version,
        "inputs": describe.tensors(proto.graph.input),
        "outputs": describe.tensors(proto.graph.output),
        "operations": describe.operations(proto),
        "bytes": (folder / bundle.MODEL).stat().st_size,
        "sha256": sha256,
    }


def _declared(resolved: Mapping[str, Any]) -> str:
    """Why a part cannot be exported, if its manifest says that the check for it fails."""
    names = [f"{kind}/{resolved[kind]['id']}::{CHECK}" for kind in PARTS if kind in resolved]
    told = [
        plugin.xfail[name]
        for plugin in registry.load().plugins
        for name in names
        if name in plugin.xfail
    ]
    return "; ".join(told)


def _added(folder: Path, facts: dict[str, Any]) -> dict[str, list[str]]:
    """What plugins put beside the model, by plugin."""
    answers = registry.load().hooks.call("zoo_model_exported", folder=folder, document=facts)
    return {
        plugin.name: [os.path.relpath(path, folder) for path in paths] for plugin, paths in answers
    }


def _name(parts: anatomy.Anatomy, model: keras.Model) -> str:
    """A name that servers and file systems take: small letters, digits and hyphens."""
    resolved = parts.resolved
    ids = [resolved[kind]["id"] for kind in PARTS if kind in resolved]
    return re.sub(r"[^a-z0-9]+", "-", ("-".join(ids) or model.name).lower()).strip("-") or "model"
