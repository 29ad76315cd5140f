"""NAME@TAG on the command line: a backbone and one set of its weights."""

from __future__ import annotations

from zoo.errors import SpecError
from zoo.part import Part, Weights
from zoo.registry import Registry


def find(registry: Registry, name: str) -> tuple[Part, Weights]:
    """The weights of a name.

    Args:
        registry: The registry.
        name: Such as `vgg16@imagenet`.

    Returns:
        The backbone and the row.

    Raises:
        SpecError: It names no weights; the message tells which there are.
    """
    spec = registry.parse_part("backbone", name)
    part = registry.part("backbone", spec.name)
    if spec.tag is None:
        tags = ", ".join(f"{part.id}@{tag}" for tag in part.tags)
        raise SpecError(
            f"{name} names a backbone, weights are named NAME@TAG",
            f"write {tags}" if tags else f"{part.id} has no pretrained weights",
        )
    return part, part.weights[spec.tag]
