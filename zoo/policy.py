"""A policy's name becomes the transforms it is made of; nothing is drawn or compiled yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import PolicyError

if TYPE_CHECKING:
    from zoo.registry import Registry
    from zoo.transform import Transform


MOST_VIEWS = 64
"""Views of a picture whose answers can be averaged."""


def views(text: str) -> tuple[str, int]:
    """Split what `--tta` takes into a policy and how many views it is to give.

    Args:
        text: Such as "flip:n=2" or "light:rotation=5:n=8".

    Returns:
        The policy's name without `n`, and n.

    Raises:
        PolicyError: There is no n, or it is no number from 2 to 64.
    """
    name, *options = text.split(":")
    counts = [each.removeprefix("n=") for each in options if each.startswith("n=")]
    if len(counts) != 1 or not counts[0].isdecimal() or not 2 <= int(counts[0]) <= MOST_VIEWS:
        raise PolicyError(
            f"--tta takes a policy and a number of views from 2 to {MOST_VIEWS}, received {text!r}",
            hint=f"write {name or 'light'}:n=8",
        )
    rest = [each for each in options if not each.startswith("n=")]
    return ":".join([name, *rest]), int(counts[0])


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
