"""What a target on the command line is: a name, something that zoo stored, or an ONNX file."""

from __future__ import annotations

from zoo import exported, stored
from zoo.registry import Registry


def is_name(target: str) -> bool:
    """Whether a target is the name of a model, to be built with random weights."""
    return not exported.is_one(target) and not stored.is_path(target)


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
    if is_name(target):
        return str(registry.resolve(registry.parse(target)).spec)
    if exported.is_one(target):
        exported.locate(target)
    else:
        stored.locate(target)
    return target
