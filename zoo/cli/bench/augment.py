"""`zoo bench augment`: how many pictures a second a policy augments."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.benchmark.case import Backend, Case
from zoo.cli.bench import options
from zoo.cli.command import Command, load_registry


@click.command("augment", cls=Command)
@click.argument("policies", metavar="POLICY[:option=value]...", nargs=-1, required=True)
@options.batch_sizes(32)
@click.option(
    "--input-size", type=click.IntRange(1), default=224, show_default=True, help="Pixels."
)
@click.option(
    "--jit-compile", is_flag=True, help="Compile with XLA, as for a GPU; JAX always does."
)
@options.backend
@options.common
def command(
    policies: tuple[str, ...],
    batch_sizes: tuple[int, ...],
    input_size: int,
    jit_compile: bool,
    backend: Backend,
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
) -> None:
    """Measure how fast a policy augments pictures, such as light:rotation=30."""
    registry = load_registry()
    names = [str(registry.parse_part("policy", policy)) for policy in policies]
    cases = [
        Case(
            target=name,
            subject="augment",
            batch_size=size,
            input_size=input_size,
            jit_compile=jit_compile,
            backend=backend,
            device=device,
            seconds=seconds,
        )
        for name in names
        for size in batch_sizes
    ]
    options.end(options.measure(cases, runs=runs, verbose=verbose), outs)
