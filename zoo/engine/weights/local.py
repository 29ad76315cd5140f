"""Weights from a file that the user names, in place of those of a tag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import stored
from zoo.engine.weights import reader
from zoo.engine.weights.pin import digest
from zoo.errors import WeightsError
from zoo.part import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.registry import ResolvedModel

PLAIN = {"order": "rgb", "mean": [0.5] * 3, "std": [0.5] * 3, "scale": 255.0}
"""What a model without weights does to pixels, and so what our own checkpoints expect."""


def use(resolved: ResolvedModel, file: str | Path, format: str | None = None) -> ResolvedModel:
    """Give a model's backbone the weights in a file.

    What pixels the weights expect is in a `.keras` file that zoo wrote; for any other it is that
    of the tag that the name has, and without a tag -1..1.

    Args:
        resolved: The model.
        file: A `.weights.h5`, an `.h5` of weights alone, a `.keras` or a `.safetensors`.
        format: The converter that reads it; by default that of the tag, or `keras`.

    Returns:
        The same model, its backbone's weights pinned to the file as it is now.

    Raises:
        WeightsError: The file cannot be read, or needs a format that was not given.
    """
    path = Path(file).absolute()
    kind = reader.kind(path)
    tag = resolved.backbone.weights
    chosen = format or (tag.format if tag else "keras")
    if kind == "safetensors" and chosen == "keras":
        raise WeightsError(
            f"{file} is a safetensors file, which does not say who wrote it",
            "name the converter: --weights-format timm-vgg",
        )
    row = replace(tag, md5="", top1=0.0, top5=0.0) if tag else Weights(tag="file", source="")
    row = replace(
        row,
        source=f"file://{path}",
        sha256=digest(path),
        size=path.stat().st_size,
        format=chosen,
        head="",
        normalization=row.normalization or PLAIN,
    )
    if kind == "keras" and (facts := stored.facts(path)):
        row = replace(
            row,
            normalization=facts["normalization"],
            class_names=tuple(facts["classes"]),
            **_transform(facts["input_size"], facts["preprocessing"]),
        )
    return replace(resolved, backbone=replace(resolved.backbone, weights=row))


def _transform(size: Sequence[int], preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures come to the model that a file holds, in the words of a manifest."""
    if preprocessing.get("resize") != "cover":
        return {"resize": 0}
    return {
        "input": tuple(size),
        "resize": preprocessing["cover"][0],
        "interpolation": preprocessing["interpolation"],
    }
