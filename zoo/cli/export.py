"""`zoo export`: a file that is proven to give the logits of its original."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from zoo import export_format, license, stored
from zoo import input_size as size
from zoo.cli import pretrained, show
from zoo.cli.command import Command, load_registry
from zoo.errors import ExportError
from zoo.export_format import ONNX


@click.command("export", cls=Command)
@click.argument("target", metavar="RUN|FILE.keras|SPEC")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to make.")
@click.option(
    "--format",
    metavar="NAME",
    default=ONNX,
    show_default=True,
    help="onnx, or a format that a plugin gives.",
)
@click.option(
    "--input-dtype",
    type=click.Choice(["uint8", "float32"]),
    default="uint8",
    show_default=True,
    help="Type of the pictures; their values are 0..255 in any case.",
)
@click.option(
    "--opset",
    type=click.IntRange(13, 18),
    default=17,
    show_default=True,
    help="Version of the ONNX operator set.",
)
@click.option("--classes", type=click.IntRange(1), help="Classes of a SPEC; 1000 by default.")
@click.option("--input-size", metavar="S|HxW", help="Pixels of a SPEC; by default its own size.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of a SPEC's weights.")
@pretrained.license_option
@click.option("--verbose", is_flag=True, help="Show what TensorFlow says.")
def command(
    target: str,
    out: Path,
    format: str,
    input_dtype: str,
    opset: int,
    classes: int | None,
    input_size: str | None,
    seed: int | None,
    license_allow: str | None,
    verbose: bool,
) -> None:
    """Export a trained model, or a SPEC with random weights, to ONNX and prove it equal."""
    if format != ONNX:
        _check_format(format)
    pixels = None
    if Path(target).exists() or ("+" not in target and ("/" in target or ".keras" in target)):
        facts = stored.facts(stored.locate(target)) or {}
        backbone = facts.get("resolved", {}).get("backbone", {})
        license.check(backbone.get("weights"), license_allow)
        chosen = {"--classes": classes, "--input-size": input_size, "--seed": seed}
        if given := [name for name, value in chosen.items() if value is not None]:
            raise ExportError(
                f"{target} has its own classes, size and weights; received {', '.join(given)}",
                "leave them out, or give a name to build",
            )
    else:
        registry = load_registry()
        resolved = registry.resolve(registry.parse(target))
        pretrained.check(resolved, None, None, license_allow)
        asked = size.parse(input_size) if input_size else None
        pixels = size.accept(resolved.backbone.part, asked, resolved.backbone.weights)

    from zoo.engine.export import bundle

    bundle.check(out)
    # oneDNN's own allocator keeps what it once had, a second copy of a large model.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

    from zoo.engine import runtime

    # On the CPU, whose float32 has all its digits.
    runtime.start("cpu", verbose)
    from zoo.engine.export import export

    document = export(
        target,
        out,
        format=format,
        opset=opset,
        input_dtype=input_dtype,
        classes=classes or 1000,
        input_size=pixels,
        seed=seed,
        progress=show.note,
    )
    show.document(document, _render)


def _check_format(name: str) -> None:
    """Refuse a format that no plugin gives, and what only ONNX has."""
    export_format.find(name, load_registry())
    context = click.get_current_context()
    for option in ("input_dtype", "opset"):
        if context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            raise ExportError(f"--{option.replace('_', '-')} is for ONNX", "leave it out")


def _render(facts: dict[str, Any]) -> str:
    if "format" in facts:
        return _render_foreign(facts)
    added = {
        f"{name.partition('/')[0]} ({plugin})"
        for plugin, names in facts["added"].items()
        for name in names
    }
    return show.pairs(
        {
            "model": f"{facts['out']}/model.onnx",
            "size": f"{facts['bytes']:,} bytes, opset {facts['opset']}",
            "input": _tensor(facts["inputs"][0]),
            "output": ", ".join(_tensor(output) for output in facts["outputs"]),
            "classes": len(facts["classes"]),
            "parity": _parity(facts["parity"]),
            "added": ", ".join(sorted(added)) or None,
            "next": f"zoo verify {facts['out']}",
        }
    )


def _render_foreign(facts: dict[str, Any]) -> str:
    files = [f"{facts['out']}/{name} ({size:,} bytes)" for name, size in facts["files"].items()]
    return show.pairs(
        {
            "model": ", ".join(files),
            "format": f"{facts['format']} of {facts['plugin']}",
            "classes": len(facts["classes"]),
            "parity": _parity(facts["parity"]),
        }
    )


def _parity(figures: dict[str, Any]) -> str:
    relative = figures["max_difference"] / (figures["largest_logit"] or 1)
    return (
        f"logits differ by {figures['max_difference']:.2g} at most, {relative:.1g} of the "
        f"largest; same first class on {figures['top1_agreement']:.0%} of "
        f"{len(figures['pictures'])} pictures"
    )


def _tensor(tensor: dict[str, Any]) -> str:
    return f"{tensor['name']} {tensor['dtype']} [{', '.join(map(str, tensor['shape']))}]"
