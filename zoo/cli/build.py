"""`zoo build`: assemble a model by name and say what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo import input_size as size
from zoo.cli import device as devices
from zoo.cli import pretrained, show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import ModelError
from zoo.option import spell

UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


@click.command("build", cls=Command)
@click.argument("spec")
@click.option(
    "--classes",
    type=click.IntRange(1),
    help="1 gives a sigmoid; by default those of the weights, or 1000.",
)
@click.option("--input-size", metavar="S|HxW", help="Pixels; by default the backbone's own size.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
    default="float32",
    show_default=True,
    help="Arithmetic; probabilities are float32 in any case.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="For the estimate of training memory.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of the initial weights.")
@pretrained.options
@pretrained.license_option
@click.option("--strict", is_flag=True, help="Refuse weights that are not a full match.")
@click.option("--out", type=LocalPath(), help="Save the model: FILE.keras.")
@click.option("--plot", type=LocalPath(), help="Draw the assembly: FILE.png.")
@click.option("--summary", is_flag=True, help="List every layer.")
@devices.options
def command(
    spec: str,
    classes: int | None,
    input_size: str | None,
    dtype: str,
    batch_size: int,
    seed: int | None,
    weights: Path | None,
    weights_format: str | None,
    weights_normalization: str | None,
    license_allow: str | None,
    strict: bool,
    out: Path | None,
    plot: Path | None,
    summary: bool,
    device: str | None,
    verbose: bool,
) -> None:
    """Assemble the model SPEC, such as vgg16bn+dense-bn, and say what it is."""
    registry = load_registry()
    resolved = registry.resolve(registry.parse(spec))
    said = {"format": weights_format, "normalization": weights_normalization}
    pretrained.check(resolved, license_allow, weights, **said)
    asked = size.parse(input_size) if input_size else None
    pixels = size.accept(resolved.backbone.part, asked, resolved.backbone.weights)
    for path, suffix in ((out, ".keras"), (plot, ".png")):
        if path is not None:
            _check_free(path, suffix)

    from zoo.engine import runtime

    runtime.start(device, verbose)
    from zoo.engine import artefact, cost, diagram
    from zoo.engine.assemble import assemble
    from zoo.engine.weights import local

    resolved = local.use(resolved, weights, **said)
    model = assemble(
        resolved, classes=classes, input_size=pixels, dtype=dtype, seed=seed, strict=strict
    )
    costs = cost.of(model)
    if out is not None:
        artefact.save(model, out)
    if plot is not None:
        diagram.draw(model, plot)
    facts = {
        "spec": str(resolved.spec),
        "input": [*pixels, 3],
        "classes": model.output.shape[-1],
        "dtype": dtype,
        "resolved": model.zoo_anatomy.resolved,
        **costs.document(),
        "training": {"batch_size": batch_size, "bytes": costs.training_bytes(batch_size)},
        "load_report": model.zoo_anatomy.load_report or None,
        "layers": cost.layers_document(model) if summary else None,
        "notes": list(model.zoo_notes),
        "out": out and str(out),
        "plot": plot and str(plot),
    }
    show.document(facts, _render)


def _check_free(path: Path, suffix: str) -> None:
    if path.suffix != suffix:
        raise ModelError(f"{path} is no name for a {suffix} file", f"let it end in {suffix}")
    if path.exists():
        raise ModelError(f"{path} exists", "choose another name, or delete it first")
    if not path.parent.is_dir():
        raise ModelError(f"the folder {path.parent} does not exist", "make it first")


def _render(facts: dict[str, Any]) -> str:
    total, training = facts["total"], facts["training"]
    stages = [
        (
            row["stage"],
            "x".join(map(str, row["output"])),
            row["layers"],
            f"{row['parameters']:,}",
            _count(row["macs"]),
        )
        for row in facts["stages"]
    ]
    blocks = [
        facts["spec"],
        show.table(stages, ("stage", "output", "layers", "parameters", "MACs"), (2, 3, 4)),
        show.pairs(
            {
                "input": f"{'x'.join(map(str, facts['input']))}, {facts['dtype']}",
                "classes": facts["classes"],
                "parameters": f"{total['parameters']:,}",
                "trainable": f"{total['trainable']:,}",
                "MACs": f"{_count(total['macs'])} a picture",
                "weights": _bytes(facts["weight_bytes"]),
                "training": f"about {_bytes(training['bytes'])} "
                f"at batch size {training['batch_size']} with Adam",
            }
        ),
        show.pairs({kind: _part(facts["resolved"][kind]) for kind in ("backbone", "head")}),
    ]
    if facts["layers"]:
        rows = [
            (row["name"], row["type"], "x".join(map(str, row["output"])), f"{row['parameters']:,}")
            for row in facts["layers"]
        ]
        blocks.insert(1, show.table(rows, ("layer", "type", "output", "parameters"), (3,)))
    if facts["load_report"]:
        blocks.append(pretrained.render(facts["load_report"]))
    blocks += [f"note: {note}" for note in facts["notes"]]
    written = {"model": facts["out"], "picture": facts["plot"]}
    if any(written.values()):
        blocks.append(show.pairs(written))
    return "\n\n".join(blocks)


def _part(part: dict[str, Any]) -> str:
    options = " ".join(f"{name}={spell(value)}" for name, value in part["options"].items())
    origin = f"plugin {part['plugin']}, {part['distribution']} {part['version']}"
    return f"{part['id']} ({origin}) {options}".rstrip()


def _bytes(count: int) -> str:
    unit, size = next(((u, s) for u, s in UNITS if count >= s), UNITS[-1])
    return f"{count / size:.1f} {unit}"


def _count(number: int) -> str:
    if number >= 1e9:
        return f"{number / 1e9:.2f} G"
    return f"{number / 1e6:.2f} M" if number >= 1e5 else f"{number:,}"
