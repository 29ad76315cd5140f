"""`zoo train`: a named model, a folder of pictures and a recipe become a run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from zoo import input_size as size
from zoo import policy as policies
from zoo import remote
from zoo.cli import device as devices
from zoo.cli import pretrained, show
from zoo.cli.command import Command, load_registry
from zoo.cli.location import LocalPath
from zoo.errors import ClusterError, RunError, SpecError
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.engine.run import Run
    from zoo.engine.strategy.cluster import Cluster, Strategy


WORDS = "zoo.train.words"

KEPT = ("--disk-cache", "--json", "--no-plugins", "--trace-hooks", "--traceback", "--verbose")
"""What is said of how to train, not of what: it holds for going on as well."""


class Train(Command):
    """The command, which keeps the words that it was called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words."""
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)


@click.command("train", cls=Train)
@click.argument("words", nargs=-1, metavar="SPEC DATA")
@click.option("--out", type=LocalPath(), help="Folder of the run, to be made.")
@click.option(
    "--resume",
    "unfinished",
    type=LocalPath(),
    metavar="RUN",
    help="Go on with a run that did not finish; all else is in its folder.",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE.toml",
    help="How to train; by default finetune, or what registry.toml says.",
)
@click.option("--policy", metavar="POLICY", help="Augmentation of the training pictures.")
@click.option(
    "--preset", metavar="NAME", help="Spec, recipe, policy and size under one name; DATA only."
)
@click.option("--epochs", type=click.IntRange(1), help="Epochs of every phase at most.")
@click.option("--batch-size", type=click.IntRange(1), help="Pictures per step in every phase.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="PHASE.KEY=VALUE",
    help="Change a value of the recipe.",
)
@click.option("--input-size", metavar="S|HxW", help="Pixels; by default the backbone's own size.")
@click.option(
    "--crop-from",
    metavar="S|HxW",
    help="Pixels of the pictures out of whose centre the model's are cut, or, in training, out of "
    "any part by a policy that crops.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
    help="Arithmetic; by default what the recipe says, which is float32 where it says nothing.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all chance."
)
@click.option(
    "--fit-memory", is_flag=True, help="Halve what does not fit into memory, at the same result."
)
@click.option(
    "--disk-cache",
    is_flag=True,
    help="Keep decoded pictures on disk where memory does not hold them.",
)
@click.option(
    "--augment-on",
    type=click.Choice(["cpu", "device"]),
    help="Ahead of the step or within it, on its device; by default within it on a GPU.",
)
@click.option(
    "--strategy",
    type=click.Choice(["one", "mirrored", "multi-worker"]),
    help="One replica of the model; one on each GPU of this machine; or one in each process that "
    "TF_CONFIG or SLURM names.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Start so many workers on this machine, and start lost ones again.",
)
@pretrained.options
@pretrained.license_option
@devices.options
def command(
    words: tuple[str, ...],
    out: Path | None,
    unfinished: Path | None,
    recipe: str | None,
    policy: str | None,
    preset: str | None,
    epochs: int | None,
    batch_size: int | None,
    changes: tuple[str, ...],
    input_size: str | None,
    crop_from: str | None,
    dtype: str | None,
    seed: int,
    fit_memory: bool,
    disk_cache: bool,
    augment_on: Literal["cpu", "device"] | None,
    strategy: Strategy | None,
    workers: int | None,
    weights: Path | None,
    weights_format: str | None,
    weights_normalization: str | None,
    license_allow: str | None,
    device: str | None,
    verbose: bool,
) -> None:
    """Train the model SPEC, such as vgg16@imagenet+dense, on the pictures in DATA.

    DATA holds a folder per class, or train/, val/ and test/ with a folder per class in each.
    """
    from zoo.engine.strategy import cluster as clusters

    strategy = _strategy(strategy, workers)
    clusters.accept(strategy, device, fit_memory)
    cluster = None if workers else clusters.find(strategy)
    if unfinished is not None:
        _resume(unfinished, words, fit_memory, disk_cache, strategy, workers, device, verbose)
        return
    if out is None:
        raise RunError("zoo train needs a folder for the run", "such as: --out runs/flowers")
    registry = load_registry()
    spec, data, row = _named(words, preset, registry)
    resolved = registry.resolve(registry.parse(spec))
    said = {"format": weights_format, "normalization": weights_normalization}
    pretrained.check(resolved, license_allow, weights, **said)
    input_size = input_size or row.get("input-size")
    asked = size.parse(input_size) if input_size else None
    pixels = size.accept(resolved.backbone.part, asked, resolved.backbone.weights)
    crop_from = crop_from or row.get("crop-from")
    box = size.accept_crop(size.parse(crop_from), pixels) if crop_from else None

    from zoo import recipe as recipes

    chosen = recipes.override(
        recipes.load(recipe or row.get("recipe") or registry.default("recipe"), registry.recipes()),
        changes if dtype is None else [*changes, f"dtype={dtype}"],
        policy=policy or row.get("policy"),
        epochs=epochs,
        batch_size=batch_size,
    )
    for phase in chosen.phases:
        policies.transforms(phase.policy, registry)

    from zoo.engine import folder, run

    remote.here(data)
    if cluster is None or cluster.chief:
        run.check(out)
    if workers:
        _launch(out, workers)
        return
    pictures = folder.read(data, seed=seed)
    _start(device, verbose, strategy, cluster)
    from zoo.engine.train import train

    with _kept(out):
        finished = train(
            resolved.spec,
            pictures,
            out=out,
            recipe=chosen,
            input_size=pixels,
            crop_from=box,
            seed=seed,
            device=device,
            fit_memory=fit_memory,
            disk_cache=disk_cache,
            augment_on=augment_on,
            weights=weights,
            weights_format=weights_format,
            weights_normalization=weights_normalization,
            strategy=strategy,
        )
    if cluster is None or cluster.chief:
        show.document(_document(finished), _render)


def _resume(
    out: Path,
    words: tuple[str, ...],
    fit_memory: bool,
    disk_cache: bool,
    strategy: Strategy,
    workers: int | None,
    device: str | None,
    verbose: bool,
) -> None:
    """Go on with a run that did not finish."""
    if words:
        raise RunError(
            f"zoo train --resume {out} takes nothing else, received {' '.join(words)}",
            "model, data and recipe are those that the run began with",
        )
    from zoo.engine import run
    from zoo.engine.strategy import cluster as clusters

    run.unfinished(out)
    if workers:
        _launch(out, workers)
        return
    cluster = clusters.find(strategy)
    load_registry()
    _start(device, verbose, strategy, cluster)
    from zoo.engine.train import resume

    with _kept(out):
        finished = resume(
            out, device=device, fit_memory=fit_memory, disk_cache=disk_cache, strategy=strategy
        )
    if cluster is None or cluster.chief:
        show.document(_document(finished), _render)


def _strategy(strategy: Strategy | None, workers: int | None) -> Strategy:
    """The strategy that is meant, which workers alone say as well."""
    if workers and strategy not in (None, "multi-worker"):
        raise ClusterError(
            f"--workers {workers} with --strategy {strategy}",
            "workers are those of the strategy multi-worker; leave one of the two out",
        )
    return "multi-worker" if workers else strategy or "one"


def _start(device: str | None, verbose: bool, strategy: Strategy, cluster: Cluster | None) -> None:
    """Start TensorFlow as the strategy needs it."""
    from zoo.engine import runtime

    turn = cluster.turn if cluster else 0
    runtime.start(device, verbose, turn=turn, every=strategy == "mirrored")


def _launch(out: Path, workers: int) -> None:
    """Start workers with the words of this very command but for their number."""
    from zoo.engine.strategy import launch

    context = click.get_current_context()
    given = iter(context.meta[WORDS])
    words = ["train", "--strategy", "multi-worker"]
    for word in given:
        if word == "--workers":
            next(given)
        elif not word.startswith("--workers="):
            words.append(word)
    again = ["train", "--strategy", "multi-worker", "--resume", str(out)]
    again += [word for word in words if word in KEPT]
    if registry := context.meta.get("zoo.registry"):
        again += ["--registry", str(registry)]
    with _kept(out):
        code = launch.train(words, again, out, workers, show.note)
    if code:
        sys.exit(code)


@contextmanager
def _kept(out: Path) -> Iterator[None]:
    """Say, after Ctrl-C or a signal that ends workers, how to go on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        from zoo.engine import run

        if out.with_name(out.name + run.UNFINISHED).exists():
            show.note(f"zoo train --resume {shlex.quote(str(out))} goes on from here")
        raise


def _document(finished: Run) -> dict[str, Any]:
    return {"run": str(finished.path), **finished.facts, "metrics": finished.metrics}


def _named(
    words: tuple[str, ...], preset: str | None, registry: Registry
) -> tuple[str, str, dict[str, str]]:
    """Tell model and data from the words, the model from a preset where one is named."""
    row = registry.preset(preset) if preset else {}
    wanted = ["DATA"] if preset else ["SPEC", "DATA"]
    if len(words) != len(wanted):
        given = " ".join(map(shlex.quote, words)) or "nothing"
        raise SpecError(
            f"zoo train takes {' and '.join(wanted)}, received {given}",
            "such as: zoo train vgg16@imagenet+dense flowers/ --out runs/flowers",
        )
    return (row["spec"], words[0], row) if preset else (words[0], words[1], row)


def _render(facts: dict[str, Any]) -> str:
    metrics, name = facts["metrics"], shlex.quote(facts["run"])
    low, high = metrics["accuracy_interval"]
    return "\n\n".join(
        [
            show.pairs(
                {
                    "accuracy": f"{100 * metrics['accuracy']:.2f} %  "
                    f"(95 %: {100 * low:.2f} to {100 * high:.2f} %) "
                    f"on {metrics['pictures']:,} pictures, {metrics['split']}",
                    "time": f"{facts['timings']['total']:.0f} s on {facts['device']}",
                    "run": f"{facts['run']}, report.html tells more",
                }
            ),
            f"next\n  zoo predict {name} PICTURE\n  zoo explain {name} PICTURE\n"
            f"  zoo export {name} --out deploy",
        ]
    )
