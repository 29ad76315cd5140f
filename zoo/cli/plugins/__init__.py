"""`zoo plugins`: what is installed, in which state, and how to change that."""

from __future__ import annotations

from zoo.cli.group import Group

command = Group(
    "plugins",
    {
        "new": "Make the project of a plugin.",
        "check": "Run the conformance kit on a plugin.",
        "install": "Install plugins, and say what came and whether it is well.",
        "uninstall": "Uninstall a plugin, a broken one too.",
        "list": "List plugins with their state.",
        "show": "Tell all that a plugin declares.",
        "why": "Tell why a part or plugin is there, or is not.",
        "enable": "Switch a plugin on again.",
        "disable": "Switch a plugin off: it is not even imported.",
        "lock": "Write down the set of plugins that is installed.",
        "restore": "Install the set of plugins that was written down.",
    },
    "zoo.cli.plugins",
    help="Make, check, list and manage plugins.",
)
