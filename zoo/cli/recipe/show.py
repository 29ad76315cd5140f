"""`zoo recipe show`: a recipe as it will be trained."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry


@click.command("show", cls=Command)
@click.argument("name", metavar="NAME|FILE.toml")
@click.option(
    "--set", "changes", multiple=True, metavar="PHASE.KEY=VALUE", help="Change a value first."
)
def command(name: str, changes: tuple[str, ...]) -> None:
    """Show a recipe with every value spelled out, as the TOML of a recipe of your own.

    Write it to a file, change what you like and give the file to zoo train --recipe.
    """
    from zoo import recipe as recipes

    chosen = recipes.override(recipes.load(name, load_registry().recipes()), changes)
    facts = {"recipe": chosen.model_dump(mode="json"), "toml": recipes.to_toml(chosen)}
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    return str(facts["toml"]).rstrip()
