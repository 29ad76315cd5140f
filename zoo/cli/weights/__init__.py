"""`zoo weights`: which pretrained weights there are, and which are on this machine."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "weights",
    {
        "list": "List pretrained weights, and which are here.",
        "fetch": "Download weights, or put them into a bundle for an offline machine.",
        "verify": "Read every file of the cache again and delete what is wrong.",
        "where": "Tell where the file of weights is, or belongs.",
        "gc": "Delete from the cache what no installed plugin names.",
    },
    "zoo.cli.weights",
    help="List, fetch and check pretrained weights.",
)
