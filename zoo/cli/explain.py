"""`zoo explain`: where a model looked, as a sheet of heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from zoo import stored, suggest
from zoo.cli import device as devices
from zoo.cli import sheet as sheets
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import DataError, ExplainError
from zoo.registry import ResolvedPart

MOST = 100
"""Rows of one sheet; a hundred are 33,000 pixels high."""


@click.command("explain", cls=Command)
@click.argument("model", metavar="RUN|FILE.keras|SPEC")
@click.argument("pictures", nargs=-1, required=True, metavar="IMAGE|FOLDER...")
@click.option(
    "--interpreter",
    metavar="NAME[:option=value]",
    help="How to explain; by default grad-cam, or what registry.toml says.",
)
@click.option(
    "--class", "class_name", metavar="NAME", help="Explain this class, not the predicted."
)
@click.option("--shared-scale", is_flag=True, help="One colour scale for all pictures.")
@sheets.option("explanation.png")
@devices.options
def command(
    model: str,
    pictures: tuple[str, ...],
    interpreter: str | None,
    class_name: str | None,
    shared_scale: bool,
    out: Path,
    device: str | None,
    verbose: bool,
) -> None:
    """Draw a heat map over each picture that says where the model sees a class."""
    registry = load_registry()
    spec = registry.parse_part("interpreter", interpreter or registry.default("interpreter"))
    method = registry.resolve_part(spec)
    if stored.is_path(model):
        _check_stored(stored.locate(model), method, class_name)
    else:
        registry.resolve(registry.parse(model))
        show.note(f"warning: {model} has random weights; its maps say nothing about pictures")
    found = _readable(pictures)
    sheets.check(out, found)

    from zoo.engine import runtime

    where = runtime.start(device, verbose)
    show.note(f"device: {where}")
    from zoo.engine import sheet
    from zoo.engine.explain import explain

    targets = [class_name] * len(found) if class_name else "predicted"
    explained = explain(model, found, interpreter=str(spec), targets=targets)
    drawn = sheet.explanations(explained, title=explained[0].model, shared_scale=shared_scale)
    sheet.save(drawn, out)
    facts = {
        "model": model,
        "spec": explained[0].model,
        "interpreter": str(spec),
        "tap": explained[0].tap or None,
        "scale": "shared" if shared_scale else "own",
        "device": where,
        "pictures": [each.document() for each in explained],
        "sheet": str(out),
    }
    show.document(facts, _render)


def _check_stored(path: Path, method: ResolvedPart, class_name: str | None) -> None:
    """Find a wrong class or tap without Keras, where zoo wrote the model."""
    facts = stored.facts(path)
    if facts is None:
        return
    if class_name is not None:
        stored.check_class(class_name, facts["classes"])
    tap = method.options.get("tap", "last")
    names = [*facts["taps"], *stored.layers(path), "last"]
    if tap not in names:
        near = suggest.near(tap, names)
        hint = f"did you mean {', '.join(near)}?" if near else f"taps: {', '.join(facts['taps'])}"
        raise ExplainError(f"the model has no tap or layer {tap!r}", hint)


def _readable(pictures: Sequence[str]) -> list[Path]:
    from zoo.engine import picture

    found: list[Path] = picture.find(pictures)
    if len(found) > MOST:
        raise DataError(
            f"{len(found)} pictures, a sheet holds up to {MOST}", "give fewer, or several sheets"
        )
    for path in found:
        picture.load(path, (32, 32))
    return found


def _render(facts: dict[str, Any]) -> str:
    rows = [
        (
            row["path"],
            row["class"],
            f"{100 * row['probability']:.1f} %",
            "" if row["class"] == row["predicted"] else row["predicted"],
            row["note"] or "",
        )
        for row in facts["pictures"]
    ]
    # A column that says nothing in any row is left out.
    kept = [column for column in range(5) if column < 3 or any(row[column] for row in rows)]
    header = ("picture", "class explained", "probability", "predicted", "note")
    table = show.table(
        [[row[column] for column in kept] for row in rows],
        [header[column] for column in kept],
        right=(2,),
    )
    about = {
        "interpreter": facts["interpreter"],
        "tap": facts["tap"],
        "sheet": facts["sheet"],
    }
    return f"{table}\n\n{show.pairs(about)}"
