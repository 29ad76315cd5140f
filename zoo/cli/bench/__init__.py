"""`zoo bench`: how fast the parts of the zoo run on this machine."""

from __future__ import annotations

import difflib

import click

from zoo.cli.group import Group


class Bench(Group):
    """The group's commands; a first word that is none of them is a target of `model`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Put in the command that is meant where none is named."""
        return super().parse_args(context, args if self._names(context, args) else ["model", *args])

    def _names(self, context: click.Context, args: list[str]) -> bool:
        """Whether the first word is a command, or was meant to be one."""
        if not args or args[0] in context.help_option_names:
            return True
        return bool(difflib.get_close_matches(args[0], self.table, n=1, cutoff=0.8))


command = Bench(
    "bench",
    {
        "model": "Measure models: short, zoo bench TARGET...",
        "sweep": "Measure every backbone that a pattern names.",
        "compare": "Say whether a second result is faster than a first.",
        "augment": "Measure augmentation policies.",
        "explain": "Measure interpreters.",
        "data": "Measure how fast a folder of pictures is read.",
        "export": "Measure what an export takes.",
        "startup": "Measure how fast quick commands answer.",
    },
    "zoo.cli.bench",
    help="Measure throughput and latency: zoo bench TARGET... is short for zoo bench model.",
)
