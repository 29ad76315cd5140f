"""Weights from a file that the user names, in place of those of a tag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import stored
from zoo.engine.weights import reader
from zoo.engine.weights.pin import digest
from zoo.errors import WeightsError
from zoo.normalization import NAMED
from zoo.part import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.registry import ResolvedModel

OURS = "keras"
"""The format of files with our own layer names."""


def use(
    resolved: ResolvedModel,
    file: str | Path | None,
    format: str | None = None,
    normalization: str | None = None,
) -> ResolvedModel:
    """Give a model's backbone the weights in a file.

    What pixels the weights expect is in a `.keras` file that zoo wrote. For any other it is what
    is said here, else that of the tag that the name has; without either -1..1 where the layers
    have our own names, and for the checkpoint of another library it has to be said.

    Args:
        resolved: The model.
        file: A `.weights.h5`, an `.h5` of weights alone, a `.keras` or a `.safetensors`; None
            changes nothing.
        format: The converter that reads it; by default that of the tag, or `keras`.
        normalization: What pixels the weights expect: `tf`, `torch` or `caffe`.

    Returns:
        The same model, its backbone's weights pinned to the file as it is now.

    Raises:
        WeightsError: The file cannot be read, or needs a format or a normalisation that was not
            given.
    """
    if file is None:
        return resolved
    path = Path(file).absolute()
    kind = reader.kind(path)
    tag = resolved.backbone.weights
    chosen = format or (tag.format if tag else OURS)
    if kind == "safetensors" and chosen == OURS:
        raise WeightsError(
            f"{file} is a safetensors file, which does not say who wrote it",
            "name the converter: --weights-format timm-vgg",
        )
    if not (normalization or tag or chosen == OURS):
        raise WeightsError(
            f"{file} does not say what pixels its weights expect",
            "look it up where they come from, and say --weights-normalization torch (mean and "
            "deviation of ImageNet), tf (-1 to 1) or caffe (BGR, mean taken)",
        )
    row = replace(tag, md5="", top1=0.0, top5=0.0) if tag else Weights(tag="file", source="")
    row = replace(
        row,
        source=f"file://{path}",
        sha256=digest(path),
        size=path.stat().st_size,
        format=chosen,
        head="",
        normalization=_named(normalization) if normalization else row.normalization or NAMED["tf"],
    )
    if kind == "keras" and (facts := stored.facts(path)):
        row = replace(
            row,
            normalization=facts["normalization"],
            class_names=tuple(facts["classes"]),
            **_transform(facts["input_size"], facts["preprocessing"]),
        )
    return replace(resolved, backbone=replace(resolved.backbone, weights=row))


def again(resolved: ResolvedModel, document: Mapping[str, Any]) -> ResolvedModel:
    """Give a model the weights that it was begun with.

    Args:
        resolved: The model, from the name alone.
        document: What a run stores of it.

    Returns:
        The same model, its backbone's weights those of the document.
    """
    row = document["backbone"]["weights"]
    weights = Weights.read(row) if row else None
    return replace(resolved, backbone=replace(resolved.backbone, weights=weights))


def _named(normalization: str) -> Mapping[str, Any]:
    if normalization not in NAMED:
        raise WeightsError(
            f"no normalisation named {normalization!r}", f"there are {', '.join(NAMED)}"
        )
    return NAMED[normalization]


def _transform(size: Sequence[int], preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures come to the model that a file holds, in the words of a manifest."""
    if preprocessing.get("resize") != "cover":
        return {"resize": 0}
    return {
        "input": tuple(size),
        "resize": preprocessing["cover"][0],
        "interpolation": preprocessing["interpolation"],
    }
