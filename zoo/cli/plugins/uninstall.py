"""`zoo plugins uninstall`: take a plugin away, a broken one too."""

from __future__ import annotations

from typing import Any

import click

from zoo import pip, registry
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.discovery import UNKNOWN
from zoo.errors import HealthFailure, PluginError
from zoo.registry import Registry


@click.command("uninstall", cls=Command)
@click.argument("name")
def command(name: str) -> None:
    """Uninstall the distribution of NAME, a plugin or a distribution, with pip."""
    found = load_registry()
    distribution = _distribution(found, name)
    gone = [plugin for plugin in found.plugins if plugin.distribution == distribution]
    pip.uninstall(distribution)
    registry.refresh()
    if any(plugin.distribution == distribution for plugin in load_registry().plugins):
        raise HealthFailure(f"{distribution} is still there", "what pip says stands above")
    facts = {
        "distribution": distribution,
        "version": gone[0].version,
        "plugins": [plugin.name for plugin in gone],
        "parts": [part.id for plugin in gone for part in plugin.parts],
    }
    show.document(facts, _render)


def _distribution(found: Registry, name: str) -> str:
    """The one distribution that gives the plugin of a name, or has it."""
    from packaging.utils import canonicalize_name

    claims = sorted({each.distribution for each in found.plugins if each.name == name})
    claims = claims or sorted(
        {
            each.distribution
            for each in found.plugins
            if canonicalize_name(each.distribution) == canonicalize_name(name)
        }
    )
    if not claims:
        found.plugin(name)  # which says what is near
    if len(claims) > 1:
        raise PluginError(
            f"the plugin {name} is given by {' and '.join(claims)}", "name one of these"
        )
    if claims[0] == "keras-zoo":
        if canonicalize_name(name) == claims[0]:
            raise PluginError("keras-zoo is zoo itself", "pip uninstall keras-zoo takes all away")
        raise PluginError(
            f"{name} comes with keras-zoo itself", f"zoo plugins disable {name} switches it off"
        )
    if claims[0] == UNKNOWN:
        raise PluginError(
            f"the plugin {name} belongs to no distribution that pip knows",
            "delete its folders by hand: "
            + ", ".join(each.package for each in found.plugins if each.name == name),
        )
    return claims[0]


def _render(facts: dict[str, Any]) -> str:
    gone = f"{facts['distribution']} {facts['version']} is uninstalled"
    return f"{gone}, and with it {', '.join(facts['parts'])}" if facts["parts"] else gone
