"""`zoo bench explain`: how many heat maps a second an interpreter gives."""

from __future__ import annotations

from pathlib import Path

import click

from zoo import exported
from zoo.benchmark import target as target_kind
from zoo.benchmark.case import Backend, Case
from zoo.cli.bench import options
from zoo.cli.command import Command, load_registry
from zoo.errors import BenchError


@click.command("explain", cls=Command)
@click.argument("methods", metavar="METHOD[:option=value]...", nargs=-1, required=True)
@click.option(
    "--model",
    metavar="SPEC|RUN|FILE.keras",
    default="resnet50+linear",
    show_default=True,
    help="The model that is explained.",
)
@options.batch_sizes(8)
@options.backend
@options.common
def command(
    methods: tuple[str, ...],
    model: str,
    batch_sizes: tuple[int, ...],
    backend: Backend,
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
) -> None:
    """Measure how fast an interpreter explains a model's answers."""
    registry = load_registry()
    names = [str(registry.parse_part("interpreter", method)) for method in methods]
    if exported.is_one(model):
        raise BenchError(f"{model} is an ONNX file, whose gradients nobody knows")
    model = target_kind.check(model, registry)
    cases = [
        Case(
            target=name,
            subject="explain",
            model=model,
            batch_size=size,
            backend=backend,
            device=device,
            seconds=seconds,
        )
        for name in names
        for size in batch_sizes
    ]
    options.end(options.measure(cases, runs=runs, verbose=verbose), outs)
