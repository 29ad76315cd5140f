"""`zoo list`: what there is to build with."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.part import KINDS


@click.command("list", cls=Command)
@click.argument("pattern", default="*")
@click.option("--kind", type=click.Choice([*KINDS, "preset"]), help="Only parts of one kind.")
@click.option("--plugin", help="Only parts of one plugin or distribution.")
@click.option("--pretrained", is_flag=True, help="Only backbones with pretrained weights.")
@click.option("--computed", is_flag=True, help="Also parts that plugins compute at run time.")
def command(
    pattern: str, kind: str | None, plugin: str | None, pretrained: bool, computed: bool
) -> None:
    """List parts whose name matches PATTERN, a shell pattern or a piece of the name."""
    registry = load_registry()
    parts = [] if kind == "preset" else registry.parts(pattern, kind, computed=computed)
    if plugin:
        known = {name for each in registry.plugins for name in (each.name, each.distribution)}
        if plugin not in known:
            registry.plugin(plugin)  # says that there is none, and what is near
        parts = [part for part in parts if plugin in (part.plugin, part.distribution)]
    if pretrained:
        parts = [part for part in parts if part.tags]
    presets = registry.presets(pattern) if kind in (None, "preset") else {}
    if plugin or pretrained:
        presets = {}
    facts = {
        "parts": [part.document() for part in parts],
        "presets": presets,
        "problems": len(registry.problems),
    }
    show.document(facts, _render)
    broken = sorted({problem.origin for problem in registry.problems})
    if broken:
        count = "1 plugin has" if len(broken) == 1 else f"{len(broken)} plugins have"
        named = ", ".join(broken[:3]) + (", ..." if len(broken) > 3 else "")
        show.note(f"zoo: {count} problems ({named}); run zoo doctor")


def _render(facts: dict[str, Any]) -> str:
    rows = [
        (part["kind"], part["id"], ", ".join(f"@{tag}" for tag in part["weights"]), part["summary"])
        for part in facts["parts"]
    ]
    rows += [
        ("preset", name, "", preset.get("summary") or preset.get("spec", ""))
        for name, preset in facts["presets"].items()
    ]
    if not rows:
        return "nothing matches; zoo list shows all there is"
    return show.table(rows, ("kind", "name", "weights", "summary"))
