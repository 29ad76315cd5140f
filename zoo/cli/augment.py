"""`zoo augment`: what a policy makes of pictures, as a contact sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from zoo import atomic, transform
from zoo import input_size as sizes
from zoo.cli import policy as policies
from zoo.cli import sheet as sheets
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import DataError, PolicyError
from zoo.policy import transforms
from zoo.transform import Transform

MOST = 20
"""Pictures on one sheet."""

LINES = 8
"""Lines below a picture."""


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
@click.option("--params", type=LocalPath(), help="Write what was drawn: FILE.json.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Draw nothing anew: FILE.json of --params.",
)
@click.option("--histograms/--no-histograms", default=True, help="Show what is drawn how often.")
@sheets.option("augmentation.png")
def command(
    policy: str,
    pictures: tuple[str, ...],
    epochs: int,
    seed: int,
    input_size: str,
    params: Path | None,
    replay: Path | None,
    histograms: bool,
    out: Path,
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
    drawn = _replayed(replay, moves, len(found)) if replay is not None else None
    originals = [picture.load(path, size) for path in found]

    import numpy as np

    from zoo.engine import augment, sheet

    plan = augment.compile(moves)
    if replay is not None and not _numbers(drawn, len(plan.columns)):
        raise PolicyError(
            f"{replay} holds draws that are no finite numbers, {len(plan.columns)} for each picture"
        )
    if drawn is None:
        drawn = [plan.sample(seed, epoch, range(len(found))).tolist() for epoch in range(epochs)]
    stack = np.stack(originals)
    labels = np.arange(len(found))
    rows = [[original] for original in originals]
    captions: list[list[list[str]]] = [[[path.name]] for path in found]
    for epoch in drawn:
        values = np.array(epoch, np.float64).reshape(len(found), -1)
        seen, _ = plan.mixed(plan.render(stack, values), labels, values, len(found))
        for row, image in enumerate(_shown(seen)):
            rows[row].append(image)
            captions[row].append(augment.caption(plan, values[row])[:LINES])
    header = ["picture", *(f"epoch {epoch}" for epoch in range(len(drawn)))]
    about = f"{'replayed' if replay else f'seed {seed}'}, at {size[0]}x{size[1]} pixels"
    drawing = sheet.contact(rows, title=spec, subtitle=about, header=header, captions=captions)
    often = augment.frequencies(plan, seed) if histograms else []
    sheet.save(sheet.stacked(drawing, sheet.histograms(often)) if often else drawing, out)
    facts = {
        "policy": spec,
        **transform.stored(moves),
        "seed": seed,
        "epochs": len(drawn),
        "pictures": [str(path) for path in found],
        "sheet": str(out),
    }
    if params is not None:
        _write(params, {**facts, "columns": [each.name for each in plan.columns], "params": drawn})
        facts["params"] = str(params)
    show.document(facts, _render)


def _shown(seen: Any) -> Any:
    """Pictures as bytes, also those that their policy has normalised."""
    import numpy as np

    low, high = float(seen.min()), float(seen.max())
    if low < 0 or high > 255 or high <= 2:
        seen = (seen - low) * (255 / max(high - low, 1e-6))
    return np.round(seen).astype(np.uint8)


def _replayed(path: Path, moves: list[Transform], pictures: int) -> list[list[list[float]]]:
    """The draws that `--params` wrote, of the same policy and as many pictures."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        drawn = facts["params"]
    except (ValueError, KeyError, TypeError, OSError):
        raise PolicyError(
            f"{path} holds no drawn parameters", "zoo augment --params writes them"
        ) from None
    if not isinstance(drawn, list) or not all(isinstance(epoch, list) for epoch in drawn):
        raise PolicyError(f"{path} holds no drawn parameters", "zoo augment --params writes them")
    kept = {key: facts[key] for key in ("version", "transforms", "hash") if key in facts}
    if transform.read(kept) != moves:
        raise PolicyError(
            f"{path} was drawn for {facts.get('policy')}, whose transforms are others",
            hint="give that policy, with the same options",
        )
    if any(len(epoch) != pictures for epoch in drawn):
        raise PolicyError(
            f"{path} holds draws for {len(drawn[0])} pictures, received {pictures}",
            hint="give the same pictures, in the same order",
        )
    return drawn


def _numbers(drawn: Any, columns: int) -> bool:
    """Whether each picture of each epoch has as many finite numbers as a policy draws."""
    import numpy as np

    try:
        values = np.array(drawn, np.float64)
    except (ValueError, TypeError):
        return False
    return values.shape[2:] == (columns,) and bool(np.isfinite(values).all())


def _write(path: Path, facts: dict[str, Any]) -> None:
    with atomic.replacing(path) as beside:
        beside.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _render(facts: dict[str, Any]) -> str:
    names = ("policy", "hash", "params", "sheet")
    shown: dict[str, Any] = {name: facts[name] for name in names if name in facts}
    return f"{policies.table(facts['transforms'])}\n\n{show.pairs(shown)}"
