"""`zoo plugins new`: a complete plugin to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.part import KINDS


@click.command("new", cls=Command)
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    default=("backbone",),
    show_default=True,
    help="What it gives; may be repeated.",
)
@click.option("--out", type=LocalPath(), help="Folder to make; by default zoo-NAME.")
def command(name: str, kinds: tuple[str, ...], out: Path | None) -> None:
    """Make the project of a plugin: a working part of each kind, tests, readme and CI."""
    from zoo import template

    project = template.plan(name, kinds, load_registry())
    out = out or Path(project.distribution)
    files = template.write(project, out)
    folder = str(out) if out.is_absolute() else f"./{out}"
    facts = {
        "plugin": project.namespace,
        "distribution": project.distribution,
        "package": project.package,
        "folder": str(out),
        "parts": list(project.parts),
        "files": files,
        "next": [
            f"pip install -e {shlex.quote(folder)}",
            f"zoo plugins check {project.namespace}",
            project.trial,
        ],
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    what = f"{facts['folder']}: {len(facts['files'])} files, {', '.join(facts['parts'])}"
    return "\n".join([what, "", "next", *(f"  {line}" for line in facts["next"])])
