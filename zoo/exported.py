"""Exported models on disk, told from runs and names without reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.errors import ExportError

MODEL = "model.onnx"
"""The model's file in an exported folder."""

FACTS = "zoo.json"
"""What an exported folder says of its model."""


def is_one(target: object) -> bool:
    """Whether something is the path of an exported folder or of an ONNX file.

    Args:
        target: A path, or anything else.
    """
    if not isinstance(target, (str, Path)):
        return False
    path = Path(target)
    return path.suffix == ".onnx" or ((path / MODEL).is_file() and (path / FACTS).is_file())


def locate(target: str | Path) -> Path:
    """The ONNX file of an exported folder, or the file itself.

    Raises:
        ExportError: It does not exist.
    """
    path = Path(target)
    file = path / MODEL if path.is_dir() else path
    if not file.is_file():
        raise ExportError(f"{file} does not exist", "give the --out of zoo export, or an .onnx")
    return file


def facts(target: str | Path) -> dict[str, Any]:
    """What the folder of an ONNX file says of it; empty for a file from elsewhere.

    Raises:
        ExportError: It says something that cannot be read.
    """
    path = locate(target).with_name(FACTS)
    if not path.is_file():
        return {}
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        document["classes"], document["preprocess"]["size"]
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{path} is damaged", f"check it: zoo verify {path.parent}") from error
    return document
