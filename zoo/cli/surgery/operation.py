"""What every operation of `zoo surgery` has in common: its operand, its pictures, its answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from zoo import stored
from zoo.cli import device as devices
from zoo.cli import show
from zoo.cli.command import load_registry
from zoo.cli.location import LocalPath
from zoo.errors import DataError


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add RUN, `--out`, `--data`, `--classes` and the device; they reach `perform` as keywords."""
    command = devices.options(command)
    command = click.option(
        "--classes",
        type=click.IntRange(1),
        help="Outputs of a model that is named by SPEC; by default those of its weights, or 1000.",
    )(command)
    command = click.option(
        "--data",
        metavar="DIR",
        help="Pictures to calibrate and check with; by default those a run was trained on.",
    )(command)
    command = click.option("--out", type=LocalPath(), required=True, help="Folder of the new run.")(
        command
    )
    return click.argument("model", metavar="RUN|FILE.keras|SPEC")(command)


def perform(
    document: dict[str, Any],
    *,
    model: str,
    out: Path,
    data: str | None,
    classes: int | None,
    device: str | None,
    verbose: bool,
) -> None:
    """Check what a typo can break, operate, and print the certificate.

    Args:
        document: The operation as plain data.
        model: Run, file or name.
        out: Folder of the new run.
        data: Folder of pictures, or None for a run's own.
        classes: Outputs of a named model.
        device: As `runtime.start` takes it.
        verbose: Show what TensorFlow logs.
    """
    from zoo import surgery

    step = surgery.parse(document)
    if stored.is_path(model):
        stored.locate(model)
    else:
        registry = load_registry()
        registry.resolve(registry.parse(model))
    if data is None and not Path(model).is_dir():
        raise DataError(f"{model} does not say which pictures to use", "name a folder: --data DIR")
    if data is not None and not Path(data).exists():
        raise DataError(f"{data} does not exist", "name a folder of pictures: --data DIR")

    from zoo.engine import run as runs
    from zoo.engine import runtime

    runs.check(out)
    if Path(model).is_dir():
        runs.open(model)
    show.note(f"device: {runtime.start(device, verbose)}")
    from zoo.engine import surgery as engine

    done = engine.operate(model, step, out, pictures=data, classes=classes)
    show.document({"run": str(done.path), **done.facts["surgery"][-1]}, render)


def render(facts: dict[str, Any]) -> str:
    """A certificate for a person.

    Args:
        facts: What run.json holds of it, with `run`, and `measured` where it was measured again.
    """
    now = facts.get("measured", facts)
    bound = "not promised" if facts["tolerance"] is None else f"accepted {facts['tolerance']:g}"
    told = {
        "run": facts["run"],
        "logits": f"differ by {now['largest']:.2g} at most, {now['relative']:.2g} of the largest; "
        f"{bound}",
        "answers": f"{100 * now['agreement']:.1f} % the same on {facts['pictures']} pictures",
        "pictures": f"sha256 {facts['digest'][:16]}..., {facts['data']['root']}",
        "dtype": facts["dtype"],
        "time": None if "measured" in facts else f"{facts['seconds']:.1f} s",
    }
    if facts["kept"] is not None:
        told["logits"] += f" (of classes that stayed: {len(facts['kept'])})"
    if facts["kept"] == []:
        told |= {"logits": "none stayed: there is nothing to compare", "answers": None}
    lines = "\n".join(f"  {line}" for line in facts["changed"])
    blocks = [f"{facts['step']['do']}\n{lines}", show.pairs(told)]
    if "measured" not in facts:
        blocks.append(f"next\n  zoo verify {shlex.quote(facts['run'])}")
    return "\n\n".join(blocks)
