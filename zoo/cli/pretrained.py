"""The options and the account of pretrained weights, the same in every command that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from zoo import license
from zoo.cli.location import LocalPath
from zoo.errors import WeightsError
from zoo.normalization import NAMED
from zoo.registry import ResolvedModel

LISTED = 6
"""Entries of one kind that the account names before it counts."""


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--weights` and what may have to be said of it to a command."""
    for option in (
        click.option(
            "--weights-normalization",
            type=click.Choice(list(NAMED)),
            help="Pixels that FILE expects: -1 to 1, ImageNet's mean and deviation, or BGR.",
        ),
        click.option(
            "--weights-format", metavar="FORMAT", help="Converter of FILE, such as timm-vgg."
        ),
        click.option(
            "--weights",
            type=LocalPath(),
            metavar="FILE",
            help="Pretrained weights of your own: .weights.h5, .h5, .keras or .safetensors.",
        ),
    ):
        command = option(command)
    return command


license_option = click.option(
    "--license-allow",
    metavar="SPDX,...",
    help="Refuse pretrained weights under any other licence.",
)


def check(
    resolved: ResolvedModel,
    allowed: str | None,
    file: Path | None = None,
    **said: str | None,
) -> None:
    """Refuse what is wrong with the options before TensorFlow is imported.

    Args:
        resolved: The model.
        allowed: Licences that are accepted, None for all.
        file: The user's file of weights.
        **said: What was said of it: its format, its normalization.
    """
    if given := [name for name, value in said.items() if value is not None and file is None]:
        raise WeightsError(f"--weights-{given[0]} is for a file", "name it: --weights FILE")
    if file is not None and not file.is_file():
        raise WeightsError(f"{file} does not exist", "give a file of weights")
    weights = resolved.backbone.weights
    if file is None:
        license.check(asdict(weights) if weights else None, allowed)
    elif allowed is not None:
        raise WeightsError(f"{file} states no licence, and --license-allow asks for one")


def render(report: dict[str, Any]) -> str:
    """The load report for a person: what was loaded, and every layer that was not."""
    digest = f"sha256 {report['sha256']}" if report["sha256"] else f"md5 {report['md5']}"
    lines = [f"{len(report['loaded'])} layers loaded from {report['source']}", f"  {digest}"]
    lines += _reasons("changed", report["transformed"])
    lines += _reasons(
        "adapted",
        {
            name: f"{_shape(each['before'])} to {_shape(each['after'])}, {each['rule']}"
            for name, each in report["adapted"].items()
        },
    )
    lines += _reasons("new", report["reinitialised"])
    new = report["reinitialised"]
    left = {name: why for name, why in report["skipped"].items() if name not in new}
    lines += _reasons("skipped", left)
    lines += _reasons("unmatched in the file", dict.fromkeys(report["unmatched"], ""))
    return "\n".join(lines)


def _reasons(title: str, entries: dict[str, str]) -> list[str]:
    """A line for each reason with the names that share it."""
    names: dict[str, list[str]] = {}
    for name, reason in entries.items():
        names.setdefault(reason, []).append(name)
    return [
        f"  {title}: {_few(sharing)}" + (f" ({reason})" if reason else "")
        for reason, sharing in names.items()
    ]


def _few(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))
