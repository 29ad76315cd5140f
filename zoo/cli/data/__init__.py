"""`zoo data`: pictures to train on."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "data",
    {"make": "Make a set of labelled pictures that needs no download."},
    "zoo.cli.data",
    help="Make data.",
)
