"""The entry of the command line: finds the command, runs it, turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from zoo import __version__, plugins, registry
from zoo.cli import show
from zoo.cli.group import Group
from zoo.discovery import Plugin
from zoo.errors import PluginError, ZooError

COMMANDS = {
    "list": "List backbones, heads, policies and interpreters.",
    "info": "Tell what is known of a part or a model name.",
    "build": "Assemble a model by name and say what it is.",
    "train": "Train a model on a folder of pictures.",
    "lr-find": "Find a learning rate that a phase bears.",
    "evaluate": "Measure a trained model on labelled pictures.",
    "compare": "Compare runs picture by picture.",
    "report": "Write the report and card of runs again.",
    "predict": "Classify pictures.",
    "explain": "Draw where a model looked.",
    "augment": "Show what an augmentation policy does to pictures.",
    "bench": "Measure throughput and latency, and compare results.",
    "export": "Export a model to ONNX and prove it equal.",
    "surgery": "Change a trained network, and prove that its answers stay.",
    "verify": "Check an exported model or an operated run again.",
    "data": "Check, describe, sample and make sets of pictures.",
    "recipe": "List and show recipes.",
    "features": "List, compute and delete stored features.",
    "weights": "List, fetch and check pretrained weights.",
    "plugins": "Make, check, list and manage plugins.",
    "doctor": "Find what is wrong with the installation or a plugin.",
    "config": "Show the configuration and where each value comes from.",
    "demo": "Run the whole job on handwritten digits.",
}


class Zoo(Group):
    """Our own commands, and those of plugins after them."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Our commands in the order of the work, then those that manifests name."""
        return [*self.table, *(name for name in _plugin_commands() if name not in self.table)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        plugin = None if name in self.table else _plugin_commands().get(name)
        return _plugin_command(name, plugin) if plugin else super().get_command(context, name)

    def describe(self, name: str) -> str:
        """One line of help; a stranger's command is followed by the name of its plugin."""
        if name in self.table:
            return self.table[name]
        plugin = _plugin_commands()[name]
        return f"{plugin.commands[name]} ({plugin.name})"


zoo = Zoo(
    "zoo",
    COMMANDS,
    "zoo.cli",
    help="A model zoo for image classification on Keras whose every part is a plugin.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
click.version_option(__version__, prog_name="zoo")(zoo)


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
    plugins.trace(os.environ.get("ZOO_TRACE_HOOKS", "") not in ("", "0"))
    try:
        zoo.main(words, prog_name="zoo", standalone_mode=False)
    except ZooError as error:
        if "--traceback" in words:
            raise
        show.error(error)
        _show_hints(error)
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
    except Exception as error:
        if "--traceback" in words:
            raise
        text = " ".join(str(error).split())[:300] or "no message"
        show.error(
            ZooError(
                f"zoo failed in a way it should not: {type(error).__name__}: {text}",
                "the same command with --traceback shows where; please report it",
            )
        )
        return 1
    return 0


def _show_hints(error: ZooError) -> None:
    """Show what plugins advise about an error, if the command came far enough to know of any."""
    known = registry.loaded()
    for plugin, hint in known.hooks.hints(error) if known else ():
        show.note(f"  hint from {plugin.name}: {hint}")


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
