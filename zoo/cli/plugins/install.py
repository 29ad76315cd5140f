"""`zoo plugins install`: pip, and then what came and whether it is well."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from zoo import pip, registry
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.discovery import Plugin
from zoo.errors import HealthFailure
from zoo.registry import Registry


@click.command("install", cls=Command)
@click.argument("packages", nargs=-1, required=True, metavar="PACKAGE...")
def command(packages: tuple[str, ...]) -> None:
    """Install each PACKAGE with pip, a name, file, folder or address, and show what parts came."""
    load_registry()
    installed = pip.install(packages)
    registry.refresh()
    found = load_registry()
    came = _of(found, [*installed, *packages])
    names = {plugin.name for plugin in came}
    problems = [problem for problem in found.problems if problem.plugin in names]
    facts = {
        "installed": installed,
        "plugins": [plugin.document() for plugin in came],
        "problems": [asdict(problem) for problem in problems],
    }
    show.document(facts, _render)
    if not came:
        raise HealthFailure(
            f"{', '.join(packages)} brought no plugin",
            "a plugin has an entry point in the group 'zoo'; pip uninstall takes the rest away",
        )
    if problems:
        raise HealthFailure(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} found",
            f"zoo plugins uninstall {came[0].distribution} takes it away again",
        )


def _of(found: Registry, words: list[str]) -> list[Plugin]:
    """The plugins of what was installed, and of what was asked for and there already."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    names = set()
    for word in words:
        try:
            names.add(canonicalize_name(Requirement(word).name))
        except InvalidRequirement:
            continue  # a file or folder, whose name pip has told
    return [each for each in found.plugins if canonicalize_name(each.distribution) in names]


def _render(facts: dict[str, Any]) -> str:
    blocks = []
    for plugin in facts["plugins"]:
        state = plugin["state"] + (f": {plugin['reason']}" if plugin["reason"] else "")
        rows = [(part["kind"], part["id"], part["summary"]) for part in plugin["parts"]]
        head = f"{plugin['name']} ({plugin['distribution']} {plugin['version']}) is {state}"
        table = show.table(rows, ("kind", "name", "summary")) if rows else None
        blocks += [head if table is None else f"{head}\n\n{table}"]
    blocks += [
        f"{row['plugin']} ({row['origin']}): {row['reason']}\n  remedy: {row['remedy']}"
        for row in facts["problems"]
    ]
    return "\n\n".join(blocks) or "no plugin came"
