"""`zoo bench data`: how fast a folder of pictures becomes batches."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.benchmark.case import Case
from zoo.cli.bench import options
from zoo.cli.command import Command, load_registry


@click.command("data", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@options.batch_sizes(32)
@click.option(
    "--input-size", type=click.IntRange(1), default=224, show_default=True, help="Pixels."
)
@click.option("--policy", metavar="POLICY", help="Augment the pictures as well.")
@options.common
def command(
    folder: Path,
    batch_sizes: tuple[int, ...],
    input_size: int,
    policy: str | None,
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
) -> None:
    """Measure how fast the pictures of a folder are read, decoded every time and kept decoded."""
    if policy is not None:
        registry = load_registry()
        registry.resolve_part(registry.parse_part("policy", policy))
    cases = [
        Case(
            target=str(folder),
            subject="data",
            source=source,
            policy=policy,
            batch_size=size,
            input_size=input_size,
            device=device,
            seconds=seconds,
        )
        for source in ("folder", "cache")
        for size in batch_sizes
    ]
    options.end(options.measure(cases, runs=runs, verbose=verbose), outs)
