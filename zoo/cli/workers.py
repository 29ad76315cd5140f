"""The options of every command whose work can be shared out: who does it, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import show
from zoo.cli.command import environment
from zoo.errors import ShardError

if TYPE_CHECKING:
    from zoo.engine.sharded.run import Crew


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--workers`, `--engine`, `--address` and `--resume` to a command."""
    resume = click.option(
        "--resume", is_flag=True, help="Do only what an earlier job with --workers left undone."
    )
    return who(resume(command))


def who(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--workers`, `--engine` and `--address` to a command."""
    for option in (
        click.option("--address", metavar="ADDRESS", help="Of a Ray cluster: ray://HOST:10001."),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray"]),
            help="What runs them.  [default: local]",
        ),
        click.option(
            "--workers",
            type=click.IntRange(1),
            metavar="N",
            help="Share the work out among N processes of one thread each.",
        ),
    ):
        command = option(command)
    return command


def check(shared: Mapping[str, Any], output: Path | str | None = None, option: str = "") -> None:
    """Refuse options that do not fit each other, before anything is read.

    Args:
        shared: The options of `options`.
        output: What parts would lie beside, or None.
        option: The option that names it.

    Raises:
        ShardError: They do not fit, or what runs the workers is not installed.
    """
    if shared["workers"] is None:
        for name in ("engine", "address", "resume"):
            if shared.get(name):
                raise ShardError(f"--{name} is for work that is shared out", "add --workers N")
    if shared["address"] and shared["engine"] != "ray":
        raise ShardError("--address is of a Ray cluster", "add --engine ray")
    if shared.get("resume") and output is None:
        raise ShardError("--resume needs a file beside which parts are kept", f"add {option}")
    if shared["engine"] == "ray":
        from zoo.engine.sharded import on_ray

        on_ray.check(shared["address"])


@contextmanager
def crew(
    label: str,
    *,
    workers: int,
    engine: str | None,
    address: str | None,
    resume: bool = False,
    unit: str = "pictures",
) -> Iterator[Crew]:
    """Who does the work, with a bar while they do.

    Args:
        label: What is going on.
        workers: As the option.
        engine: As the option.
        address: As the option.
        resume: As the option.
        unit: What is counted.
    """
    from zoo.engine.sharded.run import Crew

    told = environment()
    with show.rates(label, unit) as progress:
        yield Crew(workers, engine or "local", address, resume, told, progress, show.note)
