"""`zoo features extract`: computes features for trainings to come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import input_size as size
from zoo.cli import device as devices
from zoo.cli import pretrained, show, workers
from zoo.cli.command import Command, load_registry
from zoo.cli.location import Location


@click.command("extract", cls=Command)
@click.argument("spec")
@click.argument("data", type=Location())
@click.option("--input-size", metavar="S|HxW", help="Pixels; by default the backbone's own size.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Of what is held out.")
@pretrained.license_option
@workers.options
@devices.options
def command(
    spec: str,
    data: Path | str,
    input_size: str | None,
    seed: int,
    license_allow: str | None,
    device: str | None,
    verbose: bool,
    **shared: Any,
) -> None:
    """Compute what the frozen backbone of SPEC makes of the pictures in DATA.

    A training of its head, by whatever recipe, then begins at once. The cut is after the pool where
    the head of SPEC pools first.
    """
    workers.check(shared, data, "--workers N")
    registry = load_registry()
    resolved = registry.resolve(registry.parse(spec))
    pretrained.check(resolved, license_allow)
    asked = size.parse(input_size) if input_size else None
    pixels = size.accept(resolved.backbone.part, asked, resolved.backbone.weights)
    from zoo.engine import folder, runtime

    pictures = folder.read(data, seed=seed, elsewhere=bool(shared["workers"]))
    runtime.start(device, verbose)
    from zoo.engine import features

    if shared["workers"]:
        # Whole shards are kept, as they are without workers.
        with workers.crew("computing", **shared | {"resume": True}) as crew:
            found = features.of_folder(resolved, pictures, pixels, seed, crew=crew)
    else:
        with show.progress("computing") as progress:
            found = features.of_folder(resolved, pictures, pixels, seed, progress)
    show.document(found, _render)


def _render(facts: dict[str, Any]) -> str:
    rows = facts["features"]
    total = sum(row["bytes"] for row in rows) / 2**20
    shape = "x".join(map(str, rows[0]["shape"]))
    counts = ", ".join(f"{row['samples']:,}" for row in rows)
    return f"features at {rows[0]['cut']} ({shape}) of {counts} pictures, {total:,.1f} MiB"
