"""A policy's name becomes the transforms it is made of; nothing is drawn or compiled yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import PolicyError

if TYPE_CHECKING:
    from zoo.registry import Registry
    from zoo.transform import Transform


def transforms(text: str | None, registry: Registry) -> list[Transform]:
    """Ask a policy for its transforms.

    Args:
        text: Such as "light:rotation=10", or None for no policy.
        registry: Where policies are found.

    Returns:
        The transforms in the order in which a picture undergoes them; empty for none.

    Raises:
        SpecError: The name cannot be read.
        PolicyError: An option is out of the range that its transform accepts.
    """
    if text is None:
        return []
    resolved = registry.resolve_part(registry.parse_part("policy", text))
    given = registry.function(resolved.part)(**resolved.options)
    if not isinstance(given, list):
        raise PolicyError(
            f"policy {resolved.part.id} ({resolved.part.origin}) gave {type(given).__name__}, "
            "a policy gives the list of its transforms"
        )
    return given
