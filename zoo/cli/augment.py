"""`zoo augment`: what a policy makes of pictures, as a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import input_size as sizes
from zoo import transform
from zoo.cli import sheet as sheets
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import DataError
from zoo.policy import transforms

MOST = 20
"""Pictures on one sheet."""


@click.command("augment", cls=Command)
@click.argument("policy", metavar="POLICY[:option=value]")
@click.argument("pictures", nargs=-1, required=True, metavar="IMAGE|FOLDER...")
@click.option(
    "--epochs",
    type=click.IntRange(1, 16),
    default=7,
    show_default=True,
    help="How often each picture is drawn, once for each epoch.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--input-size", default="224", show_default=True, metavar="S|HxW", help="Pixels.")
@sheets.option("augmentation.png")
def command(
    policy: str, pictures: tuple[str, ...], epochs: int, seed: int, input_size: str, out: Path
) -> None:
    """Draw pictures as training with POLICY sees them, such as light:rotation=30."""
    registry = load_registry()
    spec = str(registry.parse_part("policy", policy))
    moves = transforms(policy, registry)
    size = sizes.parse(input_size)
    if not 1 <= min(size) <= max(size) <= sizes.LARGEST:
        raise DataError(f"an input size is from 1 to {sizes.LARGEST} pixels, received {input_size}")
    from zoo.engine import picture

    found = picture.find(pictures)
    if len(found) > MOST:
        raise DataError(f"{len(found)} pictures, a sheet holds up to {MOST}", "give fewer")
    sheets.check(out, found)
    originals = [picture.load(path, size) for path in found]

    from zoo.engine import runtime

    runtime.start("cpu")
    import numpy as np

    from zoo.engine import augment, sheet

    plan = augment.compile(moves)
    indices = np.arange(len(found))
    seen = [plan.apply(np.stack(originals), seed, epoch, indices) for epoch in range(epochs)]
    rows = [
        [original, *(np.round(epoch[row]).astype(np.uint8) for epoch in seen)]
        for row, original in enumerate(originals)
    ]
    header = ["picture", *(f"epoch {epoch}" for epoch in range(epochs))]
    about = f"seed {seed}, at {size[0]}x{size[1]} pixels"
    sheet.save(sheet.contact(rows, title=spec, subtitle=about, header=header), out)
    facts = {
        "policy": spec,
        "transforms": transform.document(moves),
        "seed": seed,
        "epochs": epochs,
        "pictures": [str(path) for path in found],
        "sheet": str(out),
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    rows = []
    for row in facts["transforms"]:
        values = ", ".join(f"{name} {value}" for name, value in row.items() if name != "transform")
        rows.append((row["transform"], values))
    listed = show.table(rows, ("transform", "range")) if rows else "no transforms"
    return f"{listed}\n\n{show.pairs({'policy': facts['policy'], 'sheet': facts['sheet']})}"
