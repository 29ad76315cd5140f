"""`zoo recipe`: how to train, by name."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "recipe",
    {
        "list": "List the recipes that have names.",
        "show": "Show a recipe with every value spelled out.",
    },
    "zoo.cli.recipe",
    help="List and show recipes.",
)
