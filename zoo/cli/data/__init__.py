"""`zoo data`: pictures to train on."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "data",
    {
        "check": "Decode every picture, and find copies across splits and labels.",
        "stats": "Tell what a set of pictures is made of.",
        "sample": "Draw a smaller set from a larger one.",
        "make": "Make a set of labelled pictures that needs no download.",
    },
    "zoo.cli.data",
    help="Check, describe, sample and make sets of pictures.",
)
