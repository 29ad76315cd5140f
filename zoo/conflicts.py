"""What two distributions cannot both have: the name of a plugin, a namespace, the reserved one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.errors import ManifestError

if TYPE_CHECKING:
    from zoo.config import Config
    from zoo.discovery import Plugin

Claims = dict[str, dict[str, str]]
"""Namespace to the distributions that fill it, each with its origin and manifest."""


def find(plugins: Sequence[Plugin], config: Config) -> list[ManifestError | None]:
    """Tell for each plugin why it has to be set aside, None where it has not.

    Args:
        plugins: All that were discovered.
        config: Which distributions may fill which namespace, and which one is preferred.
    """
    claims: Claims = {}
    names: dict[str, list[str]] = {}
    for plugin in plugins:
        names.setdefault(plugin.name, []).append(plugin.origin)
        if plugin.state == "ready":
            claim = f"{plugin.origin} ({plugin.manifest})"
            claims.setdefault(plugin.namespace, {})[plugin.distribution] = claim
    return [
        _of_name(plugin.name, names[plugin.name]) or _of_namespace(plugin, claims, config)
        if plugin.state == "ready"
        else None
        for plugin in plugins
    ]


def _of_name(name: str, origins: Sequence[str]) -> ManifestError | None:
    if len(origins) == 1:
        return None
    return ManifestError(
        f"the entry point {name!r} is given by {' and '.join(origins)}; all are set aside",
        "uninstall all but one",
    )


def _of_namespace(plugin: Plugin, claims: Claims, config: Config) -> ManifestError | None:
    members = config.value("namespaces", plugin.namespace)
    if members is not None:
        if plugin.distribution in members:
            return None
        return ManifestError(
            f"{plugin.manifest}: the namespace {plugin.namespace!r} is reserved",
            "choose a namespace of your own",
        )
    others = [
        claim
        for distribution, claim in claims[plugin.namespace].items()
        if distribution != plugin.distribution
    ]
    preferred = config.value("prefer", plugin.namespace)
    if not others or preferred == plugin.distribution:
        return None
    winner = f"{preferred} is preferred" if preferred else "both are set aside"
    return ManifestError(
        f"{plugin.manifest}: the namespace {plugin.namespace!r} is claimed by "
        f"{plugin.origin} and {', '.join(others)}; {winner}",
        f'uninstall one, or set [prefer] {plugin.namespace} = "{plugin.distribution}" '
        "in your own registry.toml",
    )
