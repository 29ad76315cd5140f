"""A group of commands, each imported when it is called: `zoo list` pays for no other."""

from __future__ import annotations

import difflib
import importlib

import click

from zoo.errors import ZooError


class Group(click.Group):
    """Commands named in a table, one module each.

    Args:
        name: Name of the group.
        commands: Command name to one line of help, in the order of the help.
        package: Where the modules are; `new` is `PACKAGE.new:command`.
        **kwargs: What click takes.
    """

    def __init__(self, name: str, commands: dict[str, str], package: str, **kwargs: object) -> None:
        super().__init__(name, **kwargs)  # type: ignore[arg-type]
        self.table = commands
        self.package = package

    def list_commands(self, context: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self.table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in self.table:
            return None
        module = f"{self.package}.{name.replace('-', '_')}"
        command: click.Command = importlib.import_module(module).command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        command = self.get_command(context, args[0])
        if command is None:
            path = context.command_path
            near = difflib.get_close_matches(args[0], self.list_commands(context), n=1)
            hint = (
                f"did you mean {path} {near[0]}?" if near else f"{path} --help lists the commands"
            )
            raise ZooError(f"no command named {args[0]!r}", hint)
        return args[0], command, args[1:]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.describe(name)) for name in self.list_commands(context)]
            )

    def describe(self, name: str) -> str:
        """One line of help for a command."""
        return self.table[name]
