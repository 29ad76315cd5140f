"""The entry of the command line: finds the command, runs it, turns errors into exit codes."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

import click

from zoo import __version__, registry
from zoo.cli import show
from zoo.discovery import Plugin
from zoo.errors import PluginError, ZooError

# Each command is imported when it is called: `zoo list` pays for no other.
COMMANDS = {
    "list": "List backbones, heads, policies and interpreters.",
    "info": "Tell what is known of a part or a model name.",
    "build": "Assemble a model by name and say what it is.",
    "train": "Train a model on a folder of pictures.",
    "evaluate": "Measure a trained model on labelled pictures.",
    "predict": "Classify pictures.",
    "explain": "Draw where a model looked.",
    "augment": "Show what an augmentation policy does to pictures.",
    "bench": "Measure throughput and latency.",
    "export": "Export a model to ONNX and prove it equal.",
    "verify": "Check an exported model again, without TensorFlow.",
    "data": "Make or inspect data.",
    "plugins": "List plugins.",
    "doctor": "Find what is wrong with the installation or a plugin.",
    "config": "Show the configuration and where each value comes from.",
    "demo": "Run the whole job on handwritten digits.",
}


class Zoo(click.Group):
    """The command group, with the commands of plugins after our own."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Our commands in the order of the work, then those that manifests name."""
        return [*COMMANDS, *(name for name in _plugin_commands() if name not in COMMANDS)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name in COMMANDS:
            command: click.Command = importlib.import_module(f"zoo.cli.{name}").command
            return command
        plugin = _plugin_commands().get(name)
        return _plugin_command(name, plugin) if plugin else None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names."""
        command = self.get_command(context, args[0])
        if command is None:
            near = difflib.get_close_matches(args[0], self.list_commands(context), n=1)
            hint = f"did you mean zoo {near[0]}?" if near else "zoo --help lists the commands"
            raise ZooError(f"no command named {args[0]!r}", hint)
        return args[0], command, args[1:]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from data, importing none of them."""
        texts = dict(COMMANDS)
        for name, plugin in _plugin_commands().items():
            texts.setdefault(name, f"{plugin.commands[name]} ({plugin.name})")
        with formatter.section("Commands"):
            formatter.write_dl(list(texts.items()))


@click.command(cls=Zoo, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zoo")
def zoo() -> None:
    """A model zoo for image classification on Keras whose every part is a plugin."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after `zoo`; by default those of the process.

    Returns:
        0 done; 1 the work ran and found a failure; 2 the call is wrong. As a console script it
        ends the process with it.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    show.listen()
    try:
        zoo.main(words, prog_name="zoo", standalone_mode=False)
    except ZooError as error:
        if "--traceback" in words:
            raise
        show.error(error)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        show.note(error.format_message())
        return 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "zoo"
        show.error(ZooError(error.format_message(), f"{command} --help shows what it takes"))
        return 2
    except (click.Abort, KeyboardInterrupt):
        show.note("interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as `zoo list | head` does.
        sys.stderr.close()
        return 0
    return 0


def _plugin_commands() -> dict[str, Plugin]:
    return {
        name: plugin
        for plugin in registry.load().plugins
        if plugin.state == "ready"
        for name in plugin.commands
    }


def _plugin_command(name: str, plugin: Plugin) -> click.Command:
    for giver, commands in registry.load().hooks.call("zoo_commands"):
        if giver.name == plugin.name:
            for command in commands:
                if command.name == name:
                    found: click.Command = command
                    return found
    raise PluginError(
        f"plugin {plugin.name} ({plugin.origin}) names the command {name!r} and does not give it",
        f"report it to the authors of {plugin.distribution}",
    )
