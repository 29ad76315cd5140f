"""A resolved name becomes a flat Keras model."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from zoo import class_list, registry
from zoo import input_size as size
from zoo.engine import cut, picture
from zoo.engine.anatomy import HEAD, LAST, Anatomy, class_names
from zoo.engine.weights import fill, local
from zoo.engine.weights.deferred import deferred, settle
from zoo.errors import ModelError, ZooError
from zoo.normalization import NAMED
from zoo.option import CORE

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.part import Weights
    from zoo.registry import ResolvedModel, ResolvedPart

DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")

CLASSES = 1000
"""Of a model of which nobody says otherwise, as ImageNet has them."""

NORMALIZATION = NAMED["tf"]
"""Without pretrained weights pixels go to -1..1: x / 127.5 - 1."""


def build(
    name: str,
    *,
    classes: int | Sequence[str] | None = None,
    input_size: int | tuple[int, int] | None = None,
    dtype: str = "float32",
    seed: int | None = None,
    weights: str | Path | None = None,
    weights_format: str | None = None,
    weights_normalization: str | None = None,
) -> keras.Model:
    """Build a model by name.

        model = zoo.build("vgg16bn+dense-bn", classes=["cat", "dog"])

    Args:
        name: `backbone[@weights]{:option=value}+head{:option=value}`.
        classes: Number of classes, or their names in order. 1 gives one sigmoid output, None those
            of the pretrained weights, or 1000 where there are none.
        input_size: Height and width in pixels, one number for both, or None for the backbone's
            own size.
        dtype: `float32`, `mixed_bfloat16` or `mixed_float16`.
        seed: The same seed gives the same initial weights; None draws new ones.
        weights: A file of pretrained weights in place of the tag's.
        weights_format: Who wrote it: `keras`, `keras-applications` or a converter such as
            `timm-vgg`; None for the tag's, or `keras`.
        weights_normalization: What pixels it expects: `tf`, `torch` or `caffe`; None for what the
            file or the tag says, or `tf` where its layers have our own names.

    Returns:
        A flat model from `image` [N, h, w, 3], RGB 0..255, to `probabilities` [N, classes].

    Raises:
        ZooError: The name cannot be read or the model cannot be built so.
    """
    parts = registry.load()
    resolved = parts.resolve(parts.parse(name))
    return assemble(
        local.use(resolved, weights, weights_format, weights_normalization),
        classes=classes,
        input_size=input_size,
        dtype=dtype,
        seed=seed,
    )


def assemble(
    resolved: ResolvedModel,
    *,
    classes: int | Sequence[str] | None,
    input_size: int | tuple[int, int] | None = None,
    dtype: str = "float32",
    seed: int | None = None,
    strict: bool = False,
    crop_from: int | tuple[int, int] | None = None,
) -> keras.Model:
    """Build the model of a resolved name and fill in its pretrained weights.

    Args:
        resolved: Backbone and head with every option filled.
        classes: As `build`.
        input_size: Height and width in pixels, one number for both, or None for the backbone's
            own size.
        dtype: `float32`, `mixed_bfloat16` or `mixed_float16`; logits and probabilities are
            float32 in any case.
        seed: The same seed gives the same initial weights; None draws new ones.
        strict: Refuse pretrained weights that are not a full match, classifier included.
        crop_from: Height and width that pictures are brought to before the model's input is cut
            out of their centre; None for what the weights were measured with.

    Returns:
        The model. It carries its `zoo_anatomy`, and in `zoo_notes` what plugins say of it.

    Raises:
        ModelError: Classes, size or dtype are not accepted, or a part broke its contract.
        WeightsError: The pretrained weights are missing, altered or do not fit.
    """
    if classes is None:
        classes = _classes_of_weights(resolved) or CLASSES
    units, names = _classes(classes)
    weights = resolved.backbone.weights
    height, width = size.accept(resolved.backbone.part, input_size, weights)
    if dtype not in DTYPES:
        raise ModelError(f"dtype {dtype!r} is not accepted", f"accepted: {', '.join(DTYPES)}")

    with _policy(dtype), seeded(seed), deferred() if weights else nullcontext():
        image = keras.Input((height, width, 3), name="image", dtype="float32")
        normalization = _in_rgb(weights)
        taps = _call(resolved.backbone, _normalize(image, normalization))
        _check_taps(resolved.backbone, taps)
        uncut = list(taps.values())[-1]
        taps = cut.at(
            resolved.backbone.options.get("tap", LAST), taps, image, resolved.backbone.part
        )
        logits, auxiliary = _logits(resolved.head, _call(resolved.head, taps, units), units)
        model = keras.Model(image, _probabilities(logits), name=_model_name(resolved))

    model.zoo_auxiliary = auxiliary
    _check_model(model, resolved)
    model.zoo_anatomy = Anatomy(
        spec=str(resolved.spec),
        taps=_tap_layers(model, resolved.backbone, taps),
        classes=names,
        input_size=(height, width),
        normalization=normalization,
        preprocessing=_preprocessing(resolved.backbone, (height, width), crop_from),
        resolved=resolved.document(),
    )
    try:
        backbone = keras.Model(image, uncut).layers if weights else ()
        report = fill.load(
            model, resolved, backbone, named=not isinstance(classes, int), strict=strict
        )
    finally:
        settle()
    if report:
        # A number of classes says nothing of their names; a classifier that was loaded does.
        names = tuple(report["classes"]) or names
        model.zoo_anatomy = replace(model.zoo_anatomy, load_report=report, classes=names)
    answers = registry.load().hooks.call(
        "zoo_model_built", model=model, document=model.zoo_anatomy.resolved
    )
    model.zoo_notes = tuple(note for _, note in answers)
    return model


def top(
    head: ResolvedPart,
    taps: Mapping[str, keras.KerasTensor],
    units: int,
    *,
    dtype: str,
    seed: int | None,
) -> tuple[keras.KerasTensor, dict[str, keras.KerasTensor]]:
    """Put a head on the taps of a backbone that is there.

    Args:
        head: The head with every option filled.
        taps: Its taps by name, in order.
        units: Number of outputs.
        dtype: As `assemble`.
        seed: As `assemble`.

    Returns:
        The probabilities [N, units], and the logits of auxiliary classifiers by name.
    """
    with _policy(dtype), seeded(seed):
        logits, auxiliary = _logits(head, _call(head, dict(taps), units), units)
        return _probabilities(logits), auxiliary


def _probabilities(logits: keras.KerasTensor) -> keras.KerasTensor:
    activation = "softmax" if logits.shape[-1] > 1 else "sigmoid"
    return keras.layers.Activation(activation, dtype="float32", name="probabilities")(logits)


def _classes_of_weights(resolved: ResolvedModel) -> tuple[str, ...] | None:
    """Names of the classes that pretrained weights were trained on, where they are known."""
    backbone, weights = resolved.backbone.part, resolved.backbone.weights
    return weights and (weights.class_names or class_list.read(backbone, weights.classes))


def _classes(classes: int | Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Number of outputs and names of the classes."""
    if isinstance(classes, int):
        if classes < 1:
            raise ModelError(f"a model has at least 1 class, received {classes}")
        return classes, class_names(classes)
    names = tuple(classes)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ModelError(
            f"class names must be two or more, each once; received {', '.join(names) or 'none'}"
        )
    return len(names), names


def _in_rgb(weights: Weights | None) -> dict[str, Any]:
    """The normalisation that the graph applies, its channels in the order of the pictures.

    Weights that were trained on BGR are turned when they are loaded, so the graph stays RGB.
    """
    row: Mapping[str, Any] = NORMALIZATION if weights is None else weights.normalization
    mean, std = list(row.get("mean", [0.0] * 3)), list(row.get("std", [1.0] * 3))
    if row.get("order") == "bgr":
        mean, std = mean[::-1], std[::-1]
    return {"order": "rgb", "mean": mean, "std": std, "scale": float(row.get("scale", 1.0))}


def _preprocessing(
    backbone: ResolvedPart, shape: tuple[int, int], crop_from: int | tuple[int, int] | None
) -> dict[str, Any]:
    """How a picture becomes an input: as asked, or as the weights were measured, to scale."""
    weights = backbone.weights
    interpolation = weights.interpolation if weights else "bilinear"
    if crop_from is not None:
        return picture.centred(size.accept_crop(crop_from, shape), interpolation)
    if weights is None or not weights.resize:
        return dict(picture.DESCRIPTION)
    native = weights.input or backbone.part.input or shape
    factor = weights.resize / min(native)
    return picture.centred([int(side * factor + 1e-6) for side in shape], interpolation)


def _normalize(image: keras.KerasTensor, normalization: dict[str, Any]) -> keras.KerasTensor:
    # (x / scale - mean) / std as one multiplication and one addition.
    mean, std, scale = (normalization[key] for key in ("mean", "std", "scale"))
    return keras.layers.Rescaling(
        scale=[1 / (scale * s) for s in std],
        offset=[-m / s for m, s in zip(mean, std, strict=True)],
        dtype="float32",
        name="normalize",
    )(image)


def _call(resolved: ResolvedPart, *supplied: Any) -> Any:
    """Run a part's function. Whatever it raises becomes an error that names the part."""
    part = resolved.part
    function = registry.load().function(part)
    core = {option.name for option in CORE.get(part.kind, ())}  # zoo's own, not the function's
    options = {name: value for name, value in resolved.options.items() if name not in core}
    try:
        return function(*supplied, **options)
    except ZooError:
        raise
    except Exception as error:
        raise ModelError(
            f"{part.kind} {part.id} ({part.origin}) cannot be built: {_reason(error)}",
            "try a larger --input-size, or other options",
        ) from error


def _reason(error: Exception) -> str:
    """The sentence that matters: Keras wraps it in paragraphs about the call, some in bold."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    frame = ("Exception encountered when calling", "Arguments received by")
    lines = [line for line in text.split("\n") if line and not line.startswith(frame)]
    return lines[0] if lines else type(error).__name__


def _check_taps(resolved: ResolvedPart, taps: Any) -> None:
    part = resolved.part
    if not isinstance(taps, dict) or not taps:
        raise ModelError(
            f"backbone {part.id} ({part.origin}) gave {type(taps).__name__}, "
            "a backbone gives a dict of taps in order"
        )
    for name, tensor in taps.items():
        shape = tuple(getattr(tensor, "shape", ()))
        if len(shape) != 4 or name in (LAST, HEAD):
            raise ModelError(
                f"tap {name!r} of backbone {part.id} ({part.origin}) has shape {shape}, "
                f"a tap is a map [N, h, w, c] and is not called {LAST} or {HEAD}"
            )


def _logits(
    resolved: ResolvedPart, given: Any, units: int
) -> tuple[keras.KerasTensor, dict[str, keras.KerasTensor]]:
    """What a head gave: the model's logits, and those of auxiliary classifiers by name."""
    part = resolved.part
    every = given if isinstance(given, dict) and given else {"logits": given}
    for logits in every.values():
        shape = tuple(getattr(logits, "shape", ()))
        if shape != (None, units):
            received = f"shape {shape}" if shape else type(logits).__name__
            raise ModelError(
                f"head {part.id} ({part.origin}) gave {received}, a head gives logits [N, {units}]"
            )
    (_, main), *others = every.items()
    return main, dict(others)


def _check_model(model: keras.Model, resolved: ResolvedModel) -> None:
    """The model contract: flat, no empty map, a float32 layer called `logits` before the end."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            raise ModelError(
                f"{resolved.spec} nests the model {layer.name!r}, models are flat",
                "call the layers of the inner model instead",
            )
        for tensor in keras.tree.flatten(layer.output):
            if any(extent == 0 for extent in tensor.shape):
                part = resolved.backbone.part
                raise ModelError(
                    f"{part.id} cannot take pictures of {model.input.shape[1]}x"
                    f"{model.input.shape[2]}: nothing is left of them at layer {layer.name!r}",
                    "try a larger --input-size",
                )
    logits = model.get_layer("probabilities").input
    names = [layer.name for layer in model.layers]
    if "logits" not in names or model.get_layer("logits").output is not logits:
        part = resolved.head.part
        raise ModelError(
            f"head {part.id} ({part.origin}) does not end in a layer called 'logits'",
            'end it in keras.layers.Dense(num_classes, dtype="float32", name="logits")',
        )


def _tap_layers(
    model: keras.Model, resolved: ResolvedPart, taps: dict[str, keras.KerasTensor]
) -> dict[str, str]:
    """Tap name to layer name."""
    givers = {id(layer.output): layer.name for layer in model.layers}
    for name, tensor in taps.items():
        if id(tensor) not in givers:
            part = resolved.part
            raise ModelError(
                f"tap {name!r} of backbone {part.id} ({part.origin}) is not the output of a layer "
                "that leads to the head",
                "end each tap in a keras layer with a name, and give no tap after the last",
            )
    return {name: givers[id(tensor)] for name, tensor in taps.items()}


def _model_name(resolved: ResolvedModel) -> str:
    # TensorFlow takes neither + nor a leading separator in a scope.
    text = f"{resolved.backbone.part.id}_{resolved.head.part.id}"
    return re.sub(r"[^a-z0-9]+", "_", text)


@contextmanager
def _policy(dtype: str) -> Iterator[None]:
    """Layers made inside follow the dtype policy; the one before comes back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Layers made inside draw their weights from the seed; the caller's generator is untouched.

    Every initialiser and dropout of Keras that is given no seed takes one from `random`.
    """
    if seed is None:
        yield
        return
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
