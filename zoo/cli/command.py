"""What every command has in common: --json, what it shows of itself, and its registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import plugins, registry
from zoo.registry import Registry


class Command(click.Command):
    """A command of zoo; declare one with `@click.command(cls=Command)`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [
            _flag(
                "--json", "zoo.json", "Print one JSON document on stdout and nothing else there."
            ),
            _flag("--traceback", "zoo.traceback", "Show the traceback of an error."),
            click.Option(
                ["--trace-hooks"],
                is_flag=True,
                help="Log each call of a plugin's hook.  [env: ZOO_TRACE_HOOKS]",
                expose_value=False,
                callback=_trace,
            ),
            _flag("--no-plugins", "zoo.no_plugins", "Use only the parts that come with zoo."),
            click.Option(
                ["--registry"],
                metavar="FILE",
                help="A further registry.toml, over the user's and the project's.",
                expose_value=False,
                callback=_keep("zoo.registry"),
            ),
        ]


def load_registry() -> Registry:
    """The registry as the running command asked for it."""
    meta = click.get_current_context().meta
    return registry.load(meta.get("zoo.registry"), plugins=not meta.get("zoo.no_plugins"))


def environment() -> dict[str, str]:
    """What the command was told of the registry, for the processes that it starts."""
    meta = click.get_current_context().meta
    told = {}
    if meta.get("zoo.registry"):
        told["ZOO_REGISTRY"] = str(Path(meta["zoo.registry"]).absolute())
    if meta.get("zoo.no_plugins"):
        told["ZOO_NO_PLUGINS"] = "1"
    return told


def _flag(name: str, key: str, text: str) -> click.Option:
    return click.Option([name], is_flag=True, help=text, expose_value=False, callback=_keep(key))


def _trace(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        plugins.trace(True)


def _keep(key: str) -> Any:
    def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
        context.meta[key] = value

    return callback
