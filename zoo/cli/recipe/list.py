"""`zoo recipe list`: the recipes that come with zoo and with plugins."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import RecipeError


@click.command("list", cls=Command)
def command() -> None:
    """List the recipes that zoo and its plugins ship, with their phases."""
    from zoo import recipe as recipes

    plugins = load_registry().recipes()
    found, broken = [], []
    for name in recipes.files(plugins):
        try:
            recipe = recipes.load(name, plugins)
        except RecipeError as error:  # One bad file of a plugin hides no other recipe.
            broken.append(error)
            continue
        phases = [phase.name for phase in recipe.phases]
        found.append({"name": name, "phases": phases, "summary": recipe.summary})
    show.document({"recipes": found}, _render)
    for problem in broken:
        show.note(f"zoo: {problem}")


def _render(facts: dict[str, Any]) -> str:
    rows = [(row["name"], ", ".join(row["phases"]), row["summary"]) for row in facts["recipes"]]
    return show.table(rows, ("recipe", "phases", "summary"))
