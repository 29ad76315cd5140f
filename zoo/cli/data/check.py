"""`zoo data check`: every picture decoded, copies found, a manifest written."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from zoo import output, remote
from zoo.cli import show, workers
from zoo.cli.command import Command
from zoo.cli.location import Location
from zoo.errors import Failure

NAMED = 5
KINDS = {
    "unreadable": "cannot be decoded",
    "leaks": "lie in another split too",
    "conflicts": "lie under another label too",
    "duplicates": "are copies of another of their class",
}


@click.command("check", cls=Command)
@click.argument("data", type=Location())
@click.option(
    "--out",
    type=Location(),
    metavar="FILE.csv",
    help="A manifest to write, which zoo train reads and leaves out what is wrong.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Of what is held out.")
@workers.options
def command(data: Path | str, out: Path | str | None, seed: int, **shared: Any) -> None:
    """Decode every picture of DATA and find copies across splits and labels.

    Ends with exit code 1 if there is anything but copies within one class and split.
    """
    workers.check(shared, out, "--out FILE.csv")
    if out is not None:
        output.check(out)
    from zoo.engine import folder, inspection

    pictures = folder.read(data, seed=seed, limit=1.0, elsewhere=bool(shared["workers"]))
    if shared["workers"]:
        from zoo.engine.sharded import run
        from zoo.engine.sharded.tasks import check as task

        work = task.work(pictures.samples)
        with workers.crew("decoding", **shared) as crew, run.merged(work, crew, out) as lines:
            findings = task.findings(lines, pictures.samples)
            found = inspection.check(pictures, out, findings=findings)
    else:
        with show.progress("decoding") as progress:
            found = inspection.check(pictures, out, progress)
    trained = out is not None and not any(map(remote.is_one, (data, out)))
    show.document(
        {**found, "manifest": str(out) if out else None}, lambda facts: _render(facts, trained)
    )
    if found["unreadable"] or found["leaks"] or found["conflicts"]:
        raise Failure(
            f"{data} has pictures that should not be trained on as they are",
            "zoo data check --out FILE.csv writes a manifest; train on that, or mend them",
        )


def _render(facts: dict[str, Any], trained: bool) -> str:
    lines = [f"{facts['pictures']:,} pictures"]
    for kind, told in KINDS.items():
        found = facts[kind]
        lines.append(f"{len(found):,} {told}")
        lines += [f"  {id}: {why}" for id, why in list(found.items())[:NAMED]]
        if len(found) > NAMED:
            lines.append(f"  and {len(found) - NAMED} more")
    if facts["manifest"]:
        then = f"; zoo train MODEL {shlex.quote(facts['manifest'])}" if trained else ""
        lines.append(f"manifest: {facts['manifest']}{then}")
    return "\n".join(lines)
