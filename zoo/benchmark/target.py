"""What a target on the command line is: a name, something that zoo stored, or an ONNX file."""

from __future__ import annotations

from pathlib import Path

from zoo import stored
from zoo.registry import Registry

ONNX = "model.onnx"
"""The model's file in an exported folder."""


def onnx_file(target: str) -> Path | None:
    """The ONNX file that a target means: itself, or that of an exported folder."""
    path = Path(target)
    if path.suffix == ".onnx":
        return path
    return path / ONNX if (path / ONNX).is_file() and not (path / stored.MODEL).is_file() else None


def is_name(target: str) -> bool:
    """Whether a target is the name of a model, to be built with random weights."""
    return onnx_file(target) is None and not stored.is_path(target)


def check(target: str, registry: Registry) -> str:
    """See that a target exists.

    Args:
        target: The target.
        registry: Where names are found.

    Returns:
        The target, a name in its canonical spelling.

    Raises:
        ZooError: It does not, or is no model.
    """
    path = onnx_file(target)
    if path is not None and path.is_file():
        return target
    if path is not None or stored.is_path(target):
        stored.locate(target)
        return target
    return str(registry.resolve(registry.parse(target)).spec)
