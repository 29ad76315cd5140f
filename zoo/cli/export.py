"""`zoo export`: a file that is proven to give the logits of its original."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from zoo import export_format, license, stored
from zoo import input_size as sizes
from zoo.cli import pretrained, show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import ExportError
from zoo.export_format import ONNX

ONNX_ONLY = (
    *("input_dtype", "layout", "batch", "size", "opset"),
    *("fp16", "int8", "calibrate", "max_drop", "web"),
)
"""Options that have a meaning for ONNX alone."""


@click.command("export", cls=Command)
@click.argument("target", metavar="RUN|FILE.keras|SPEC")
@click.option("--out", type=LocalPath(), required=True, help="Folder to make.")
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
    "--layout",
    type=click.Choice(["nhwc", "nchw"]),
    default="nhwc",
    show_default=True,
    help="Order of the pictures' dimensions.",
)
@click.option("--batch", type=click.IntRange(1), help="Pictures in a batch; any number by default.")
@click.option(
    "--size",
    type=click.Choice(["fixed", "dynamic", "resize"]),
    default="fixed",
    show_default=True,
    help="Pictures of the model's size, of any size, or of any size and resized in the graph.",
)
@click.option(
    "--opset", type=click.IntRange(13, 18), help="Version of the ONNX operator set; 17 by default."
)
@click.option("--fp16", is_flag=True, help="Add a model in 16-bit floats.")
@click.option("--int8", is_flag=True, help="Add models in 8-bit integers.")
@click.option(
    "--calibrate",
    metavar="DATA",
    type=LocalPath(),
    help="Labelled pictures for --int8; by default the RUN's own.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=0.5,
    show_default=True,
    help="Points of accuracy that --int8 may cost.",
)
@click.option("--web", is_flag=True, help="Add a page that runs the model in a browser.")
@click.option(
    "--classes",
    type=click.IntRange(1),
    help="Classes of a SPEC; by default those of its weights, or 1000.",
)
@click.option("--input-size", metavar="S|HxW", help="Pixels of a SPEC; by default its own size.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of a SPEC's weights.")
@pretrained.options
@pretrained.license_option
@click.option(
    "--max-memory",
    metavar="GB",
    type=click.FloatRange(min=0, min_open=True),
    help="Memory that it may take; most of what is free by default.",
)
@click.option("--verbose", is_flag=True, help="Show what TensorFlow says.")
def command(
    target: str,
    out: Path,
    format: str,
    input_dtype: str,
    layout: str,
    batch: int | None,
    size: str,
    opset: int | None,
    fp16: bool,
    int8: bool,
    calibrate: Path | None,
    max_drop: float,
    web: bool,
    classes: int | None,
    input_size: str | None,
    seed: int | None,
    weights: Path | None,
    weights_format: str | None,
    weights_normalization: str | None,
    license_allow: str | None,
    max_memory: float | None,
    verbose: bool,
) -> None:
    """Export a trained model, or a SPEC with random weights, to ONNX and prove it equal."""
    if format != ONNX:
        _check_format(format)
    pixels = None
    said = {"format": weights_format, "normalization": weights_normalization}
    if Path(target).exists() or ("+" not in target and ("/" in target or ".keras" in target)):
        facts = stored.facts(stored.locate(target)) or {}
        backbone = facts.get("resolved", {}).get("backbone", {})
        license.check(backbone.get("weights"), license_allow)
        chosen: dict[str, Any] = {"--classes": classes, "--input-size": input_size, "--seed": seed}
        chosen |= {"--weights": weights}
        chosen |= {f"--weights-{name}": value for name, value in said.items()}
        if given := [name for name, value in chosen.items() if value is not None]:
            raise ExportError(
                f"{target} has its own classes, size and weights; received {', '.join(given)}",
                "leave them out, or give a name to build",
            )
    else:
        registry = load_registry()
        resolved = registry.resolve(registry.parse(target))
        pretrained.check(resolved, license_allow, weights, **said)
        asked = sizes.parse(input_size) if input_size else None
        pixels = sizes.accept(resolved.backbone.part, asked, resolved.backbone.weights)

    _check_quantisation(int8, calibrate, target)
    from zoo.engine.export import bundle, interface

    interface.Interface(input_dtype, layout, batch, size, opset)
    bundle.check(out)
    if web:
        from zoo.engine.export import page

        page.check()
    options = {
        "format": format,
        "input_dtype": input_dtype,
        "layout": layout,
        "batch": batch,
        "size": size,
        "opset": opset,
        "fp16": fp16,
        "int8": int8,
        "calibration": calibrate,
        "max_drop": max_drop,
        "web": web,
        "classes": classes,
        "input_size": pixels,
        "seed": seed,
        "weights": weights,
        "weights_format": weights_format,
        "weights_normalization": weights_normalization,
    }
    if "tensorflow" in sys.modules:  # called from a program that has it: there is nothing to spare
        from zoo.engine import runtime

        runtime.start("cpu", verbose)
        from zoo.engine.export import export

        document = export(target, out, progress=show.note, **options)
    else:
        from zoo.engine.export import bounded

        limit = int(max_memory * 1e9) if max_memory else None
        document = bounded.export(
            target, out, limit=limit, verbose=verbose, progress=show.note, **options
        )
    show.document(document, _render)


def _check_format(name: str) -> None:
    """Refuse a format that no plugin gives, and what only ONNX has."""
    export_format.find(name, load_registry())
    context = click.get_current_context()
    for option in ONNX_ONLY:
        if context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            raise ExportError(f"--{option.replace('_', '-')} is for ONNX", "leave it out")


def _check_quantisation(int8: bool, calibrate: Path | None, target: str) -> None:
    """Refuse --int8 without pictures, and pictures without --int8."""
    if not int8:
        if calibrate is not None:
            raise ExportError("--calibrate is for --int8", "add --int8, or leave it out")
        return
    if calibrate is None and not (Path(target) / "run.json").is_file():
        raise ExportError(
            "--int8 needs pictures to take the ranges of activations from",
            "give the folder of the training's pictures: --calibrate DATA",
        )
    if calibrate is not None and not calibrate.is_dir():
        raise ExportError(f"no folder {calibrate}", "give a folder with one folder per class")


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
            **_smaller(facts["parity"]),
            "added": ", ".join(sorted(added)) or None,
            "next": f"zoo verify {facts['out']}",
        }
    )


def _smaller(parity: dict[str, Any]) -> dict[str, str]:
    """What the smaller forms of the model cost and save."""
    rows = {}
    if "fp16" in parity:
        form = parity["fp16"]
        rows["fp16"] = (
            f"{form['bytes']:,} bytes; logits differ by {form['max_difference']:.2g} at most, "
            f"accepted is {form['tolerance']:.2g}"
        )
    if "int8" in parity:
        report = parity["int8"]
        for what, name in (("int8", "int8"), ("int8 without VNNI", "reduce_range")):
            form = report[name]
            low, high = form["drop_interval"]
            rows[what] = (
                f"{form['bytes']:,} bytes, {form['milliseconds']:.1f} ms a picture (float32 "
                f"{report['float32']['milliseconds']:.1f}); accuracy {100 * form['accuracy']:.1f} %"
                f", {form['drop']:.2f} points lost ({low:.2f} to {high:.2f}), "
                f"{100 * form['agreement']:.1f} % of the answers the same"
            )
        census = report["census"]
        floating = ", ".join(report["floating"]) or "none but the logits"
        counted = ", ".join(f"{count} {op}" for op, count in census["int8"].items()) or "nothing"
        rows["in 8 bits"] = f"{counted}; calibrated by {report['method']}; left out: {floating}"
    return rows


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
