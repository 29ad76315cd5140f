"""The options of every command that calculates: which device, and how much TensorFlow says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--device` and `--verbose` to a command, which hands both to `runtime.start`."""
    command = click.option(
        "--device",
        metavar="cpu|gpu:N",
        callback=_check,
        help="Where to calculate; the first GPU if there is one.",
    )(command)
    return click.option("--verbose", is_flag=True, help="Show what TensorFlow logs.")(command)


def _check(context: click.Context, parameter: click.Parameter, device: str | None) -> str | None:
    """Refuse a misspelt device before TensorFlow is imported."""
    from zoo.engine import runtime

    runtime.check_device(device)
    return device
