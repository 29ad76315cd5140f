"""`zoo bench model`, short `zoo bench`: how fast models run."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any, get_args

import click

from zoo import exported
from zoo.benchmark import target as target_kind
from zoo.benchmark.case import Backend, Case, Mode, Precision, Source
from zoo.cli import show
from zoo.cli.bench import options
from zoo.cli.command import Command, environment, load_registry
from zoo.errors import BenchError

LARGEST = "max"


def _batch(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> Any:
    for word in words:
        if word != LARGEST and not (word.isdecimal() and int(word) >= 1):
            raise BenchError(
                f"a batch size is a number from 1, or {LARGEST}: received {word!r}",
                f"{LARGEST} searches for the largest that fits",
            )
    return words


@click.command("model", cls=Command)
@click.argument("targets", metavar="TARGET...", nargs=-1)
@click.option(
    "--batch-size",
    "batch_sizes",
    metavar="N|max",
    multiple=True,
    default=("1", "8", "32"),
    show_default=True,
    callback=_batch,
    help="Repeat it for more rows; max searches for the largest that fits.",
)
@click.option(
    "--mode",
    "modes",
    type=click.Choice(get_args(Mode)),
    multiple=True,
    default=("inference",),
    show_default=True,
    help="A forward pass, or a whole step of training.",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(get_args(Precision)),
    multiple=True,
    default=("float32",),
    show_default=True,
    help="What layers compute in.",
)
@click.option(
    "--backend",
    "backends",
    type=click.Choice(get_args(Backend)),
    multiple=True,
    help="What calculates.  [default: tensorflow; onnxruntime for ONNX files]",
)
@click.option(
    "--jit-compile",
    "jits",
    type=click.Choice(["off", "on"]),
    multiple=True,
    default=("off",),
    show_default=True,
    help="Compile with XLA.",
)
@click.option("--threads", type=click.IntRange(1), multiple=True, help="Cores to use.")
@click.option(
    "--source",
    "sources",
    type=click.Choice(get_args(Source)),
    multiple=True,
    default=("device",),
    show_default=True,
    help="Where pictures come from: made on the device or the host, kept decoded, JPEG files.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Pictures for --source cache and folder; without it some are made.",
)
@click.option("--policy", metavar="POLICY", help="Augment pictures of --source cache and folder.")
@click.option("--classes", type=click.IntRange(1), default=1000, show_default=True)
@options.input_size(None)
@click.option("--suite", is_flag=True, help="Measure again what benchmarks/README.md shows.")
@options.common
def command(
    targets: tuple[str, ...],
    batch_sizes: tuple[str, ...],
    modes: tuple[Mode, ...],
    precisions: tuple[Precision, ...],
    backends: tuple[Backend, ...],
    jits: tuple[str, ...],
    threads: tuple[int, ...],
    sources: tuple[Source, ...],
    data: Path | None,
    policy: str | None,
    classes: int,
    input_size: int | None,
    suite: bool,
    seconds: float,
    runs: int,
    outs: tuple[Path | str, ...],
    device: str | None,
    verbose: bool,
) -> None:
    """Measure throughput and latency of models, each configuration in a fresh process.

    TARGET is a name, built with random weights, a run, a .keras or .onnx file, or an exported
    folder. An option that is given several times is measured in every combination.
    """
    if suite:
        from zoo.cli.bench import suite as scripts

        scripts.run(targets)
        return
    found = _check(targets, policy, sources)
    jobs = [
        Case(
            target=target,
            mode=mode,
            precision=precision,
            jit_compile=jit == "on",
            backend=backend,
            threads=count,
            device=device,
            source=source,
            data=str(data) if data and source in ("cache", "folder") else None,
            policy=policy if source in ("cache", "folder") else None,
            classes=classes,
            input_size=input_size,
            seconds=seconds,
        )
        for target in found
        for mode, precision, backend, jit, count, source in product(
            modes, precisions, backends or _backends(target), jits, threads or (None,), sources
        )
    ]
    cases = [each for job in jobs for each in _sized(job, batch_sizes)]
    options.end(options.measure(cases, runs=runs, verbose=verbose), outs)


def _check(given: tuple[str, ...], policy: str | None, sources: tuple[Source, ...]) -> list[str]:
    """Find what a typo can break."""
    if not given:
        raise BenchError("nothing to measure", "name a model, a run, or a file")
    registry = load_registry()
    if policy is not None:
        registry.resolve_part(registry.parse_part("policy", policy))
        if not {"cache", "folder"} & set(sources):
            raise BenchError(
                "--policy augments pictures on their way, and these are on the device already",
                "add --source cache or --source folder",
            )
    return [target_kind.check(target, registry) for target in given]


def _backends(target: str) -> tuple[Backend, ...]:
    return ("onnxruntime",) if exported.is_one(target) else ("tensorflow",)


def _sized(case: Case, batch_sizes: tuple[str, ...]) -> list[Case]:
    sizes = []
    for word in batch_sizes:
        if word == LARGEST:
            from zoo.engine.bench import fit

            sizes.append(fit.batch_size(case, environment(), show.note))
        else:
            sizes.append(int(word))
    return [case.model_copy(update={"batch_size": size}) for size in dict.fromkeys(sizes)]
