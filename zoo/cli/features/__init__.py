"""`zoo features`: what was made of pictures once, kept for all later runs."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "features",
    {
        "list": "List the stored features.",
        "extract": "Compute the features of pictures, for trainings to come.",
        "gc": "Delete the features that were longest of no use.",
    },
    "zoo.cli.features",
    help="List, compute and delete stored features.",
)
