"""`zoo bench`: how fast a model runs on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from zoo import exported, stored
from zoo.cli import device as devices
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import ModelError


@click.command("bench", cls=Command)
@click.argument("target", metavar="SPEC|RUN|FILE.keras|EXPORT|FILE.onnx")
@click.option(
    "--batch-size",
    "batch_sizes",
    type=click.IntRange(1),
    multiple=True,
    default=(1, 8, 32),
    show_default=True,
    help="Repeat it for more rows.",
)
@click.option(
    "--mode",
    type=click.Choice(["inference", "train"]),
    default="inference",
    show_default=True,
    help="A forward pass, or a whole step of training.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=3.0,
    show_default=True,
    help="How long each row is measured, once it is steady.",
)
@click.option("--jit-compile", is_flag=True, help="Compile with XLA.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the document: FILE.json.")
@devices.options
def command(
    target: str,
    batch_sizes: tuple[int, ...],
    mode: str,
    seconds: float,
    jit_compile: bool,
    out: Path | None,
    device: str | None,
    verbose: bool,
) -> None:
    """Measure throughput and latency of a model: a name is built with random weights."""
    if exported.is_one(target):
        _check_onnx(target, mode, jit_compile)
    elif stored.is_path(target):
        stored.locate(target)
    else:
        registry = load_registry()
        registry.resolve(registry.parse(target))
    if out is not None and not out.parent.is_dir():
        raise ModelError(f"the folder {out.parent} does not exist", "make it first")

    if exported.is_one(target):
        document = _bench_onnx(target, batch_sizes, seconds)
    else:
        from zoo.engine import runtime, timing

        phases = timing.Phases()
        with phases.phase("import"):
            where = runtime.start(device, verbose)
            from zoo.engine.bench import bench
        document = bench(
            target,
            batch_sizes=batch_sizes,
            mode=mode,
            seconds=seconds,
            jit_compile=jit_compile,
            phases=phases,
            progress=show.note,
        )
        document["device"] = where
    if out is not None:
        beside = out.with_name(f".{out.name}.{os.getpid()}")
        beside.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        beside.replace(out)
    show.document(document, _render)


def _check_onnx(target: str, mode: str, jit_compile: bool) -> None:
    """Refuse what an ONNX file cannot do."""
    exported.locate(target)
    if mode != "inference" or jit_compile:
        what = "--jit-compile" if jit_compile else f"--mode {mode}"
        raise ModelError(f"{what} is for Keras, and {target} is an exported model", "leave it out")


def _bench_onnx(target: str, batch_sizes: tuple[int, ...], seconds: float) -> dict[str, Any]:
    from zoo.engine import timing

    phases = timing.Phases()
    with phases.phase("import"):
        from zoo.engine.export import latency
    document: dict[str, Any] = latency.bench(
        target, batch_sizes=batch_sizes, seconds=seconds, phases=phases, progress=show.note
    )
    document["device"] = "cpu (onnxruntime)"
    return document


def _render(document: dict[str, Any]) -> str:
    rows = []
    for row in document["rows"]:
        step = row["step_seconds"]
        rows.append(
            (
                row["batch_size"],
                f"{row['images_per_second']:,.1f}",
                *(_milliseconds(step[key]) for key in ("p50", "mad", "p90", "p95", "p99")),
                f"{row['gflops_per_second']:,.1f}",
                step["n"],
            )
        )
    header = ("batch", "images/s", "ms", "± MAD", "p90", "p95", "p99", "GFLOP/s", "steps")
    size = "x".join(map(str, document["input_size"]))
    machine = document["machine"]
    blocks = [
        f"{document['spec'] or document['target']}, {document['mode']}, {size}, "
        f"{document['dtype']}{', XLA' if document['jit_compile'] else ''}",
        show.table(rows, header, tuple(range(9))),
        show.pairs(
            {
                "device": document["device"],
                "cpu": f"{machine['cpu']}, {machine['usable_cores']} cores",
                "parameters": f"{document['parameters']:,}",
                "GMACs": f"{document['gmacs']:.3f} a picture",
                "seconds": ", ".join(
                    f"{name} {seconds:.2f}" for name, seconds in _phases(document).items()
                ),
                "peak memory": f"{document['peak_memory_bytes'] / 2**20:,.0f} MiB"
                if document["peak_memory_bytes"]
                else None,
            }
        ),
    ]
    unsteady = [str(row["batch_size"]) for row in document["rows"] if not row["steady"]]
    if unsteady:
        blocks.append(
            f"At batch {', '.join(unsteady)} the steps never became steady: something else runs "
            "on this machine, or --seconds is too short to warm up."
        )
    if any(row["step_seconds"]["p99"] is None for row in document["rows"]):
        blocks.append("A percentile that so few steps cannot tell is left out: raise --seconds.")
    return "\n\n".join(blocks)


def _phases(document: dict[str, Any]) -> dict[str, float]:
    """Seconds by phase, those of the rows added up."""
    total = dict(document["phases"])
    for row in document["rows"]:
        for name, seconds in row["phases"].items():
            total[name] = total.get(name, 0.0) + seconds
    return total


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.2f}"
