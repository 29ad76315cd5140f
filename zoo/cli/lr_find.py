"""`zoo lr-find`: which learning rate a phase bears."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import input_size as size
from zoo import policy as policies
from zoo.cli import device as devices
from zoo.cli import pretrained, show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath, Location
from zoo.errors import DataError, RecipeError


@click.command("lr-find", cls=Command)
@click.argument("spec")
@click.argument("data", type=Location())
@click.option("--recipe", metavar="NAME|FILE.toml", help="Whose phase is tried.")
@click.option("--phase", "name", help="Which phase; by default the first.")
@click.option("--set", "changes", multiple=True, metavar="PHASE.KEY=VALUE", help="Change a value.")
@click.option("--policy", metavar="POLICY", help="Augmentation of the training pictures.")
@click.option("--input-size", metavar="S|HxW", help="Pixels; by default the backbone's own size.")
@click.option(
    "--steps", type=click.IntRange(10, 10_000), default=100, show_default=True, help="Of training."
)
@click.option(
    "--out",
    type=LocalPath(),
    default=Path("lr-find.svg"),
    show_default=True,
    help="The curve, drawn.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Of all chance.")
@pretrained.license_option
@devices.options
def command(
    spec: str,
    data: Path | str,
    recipe: str | None,
    name: str | None,
    changes: tuple[str, ...],
    policy: str | None,
    input_size: str | None,
    steps: int,
    out: Path,
    seed: int,
    license_allow: str | None,
    device: str | None,
    verbose: bool,
) -> None:
    """Train SPEC on DATA for a few steps while the rate grows, and suggest one.

    Nothing is kept but the curve. A later phase is tried on a head that has not learnt yet.
    """
    if out.suffix.lower() != ".svg" or not out.parent.is_dir():
        raise DataError(f"{out} is no place for a drawing", "give a .svg in a folder that exists")
    registry = load_registry()
    resolved = registry.resolve(registry.parse(spec))
    pretrained.check(resolved, license_allow)
    asked = size.parse(input_size) if input_size else None
    pixels = size.accept(resolved.backbone.part, asked, resolved.backbone.weights)
    from zoo import recipe as recipes

    chosen = recipes.load(recipe or registry.default("recipe"), registry.recipes())
    chosen = recipes.override(chosen, changes, policy=policy)
    phases = {phase.name: phase for phase in chosen.phases}
    if name is not None and name not in phases:
        raise RecipeError(
            f"the recipe {chosen.name} has no phase {name!r}", f"phases: {', '.join(phases)}"
        )
    leg = phases[name] if name else chosen.phases[0]
    policies.transforms(leg.policy, registry)
    from zoo.engine import folder, runtime

    pictures = folder.read(data, seed=seed)
    runtime.start(device, verbose)
    from zoo.engine.find_rate import find

    curve = find(
        resolved, pictures, leg, input_size=pixels, dtype=chosen.dtype, seed=seed, steps=steps
    )
    out.write_text(curve.svg(), encoding="utf-8")
    facts = {
        "phase": leg.name,
        "suggested": curve.suggested,
        "steepest": curve.steepest,
        "rates": curve.rates,
        "losses": curve.losses,
        "out": str(out),
    }
    show.document(facts, _render)


def _render(facts: dict[str, Any]) -> str:
    rate = f"{facts['suggested']:.1e}"
    pairs = {
        "suggested": f"{rate}, a tenth of the rate at the lowest loss",
        "steepest": f"{facts['steepest']:.1e}, where the loss falls fastest",
        "curve": facts["out"],
    }
    return f"{show.pairs(pairs)}\n\nnext: zoo train ... --set {facts['phase']}.learning_rate={rate}"
