"""`zoo evaluate`: how good a trained model is on labelled pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo import stored
from zoo.cli import device as devices
from zoo.cli import show, workers
from zoo.cli.command import Command
from zoo.cli.location import Location
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.engine.folder import ImageFolder
    from zoo.engine.run import Run

# Beyond this many classes the table shows those with the lowest F1.
CLASSES = 20


@click.command("evaluate", cls=Command)
@click.argument("model", metavar="RUN|FILE.keras")
@click.argument("data", required=False)
@click.option(
    "--split",
    type=click.Choice(["test", "val", "train", "all"]),
    default="test",
    show_default=True,
    help="Which pictures.",
)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--predictions",
    type=Location(),
    metavar="FILE.csv|.parquet",
    help="Keep every answer in this file too.",
)
@workers.options
@devices.options
def command(
    model: str,
    data: str | None,
    split: str,
    batch_size: int,
    predictions: Path | str | None,
    device: str | None,
    verbose: bool,
    **shared: Any,
) -> None:
    """Measure a trained model on the labelled pictures of DATA, by default those of its training.

    A run keeps the result: metrics.json, predictions.csv with every answer, report.html, card.md.
    """
    file = stored.locate(model)
    beside = predictions or (Path(model) if Path(model).is_dir() else None)
    workers.check(shared, beside, "--predictions FILE")
    classes = (stored.facts(file) or {}).get("classes")
    from zoo.engine import folder, match
    from zoo.engine import run as runs

    run = runs.open(model) if Path(model).is_dir() else None
    place = _data(model, run, data)
    # The same seed holds out the same pictures as in training.
    pictures = folder.read(place, seed=run.seed if run else 0, elsewhere=bool(shared["workers"]))
    if classes is not None:
        match.samples(classes, pictures, split)
    if predictions is not None:
        from zoo.engine import predictions as tables

        tables.check(predictions)
    for note in pictures.notes:
        show.note(f"note: {note}")

    from zoo.engine import runtime

    device_told = runtime.start(device, verbose)
    from zoo.engine import evaluate as evaluation

    asked = {"split": split, "batch_size": batch_size}
    if shared["workers"]:
        figures = _shared(file, run, pictures, asked | {"device": device}, predictions, shared)
    else:
        show.note(f"device: {device_told}")
        with show.progress("evaluating") as progress:
            told = {**asked, "progress": progress, "predictions": predictions}
            if run is not None:
                figures = evaluation.record(run, pictures, **told)
            else:
                figures = evaluation.evaluate(model, pictures, **told)
    written = [str(run.path / name) for name in evaluation.RECORDS] if run is not None else []
    written += [str(predictions)] if predictions is not None else []
    show.document({**figures, "model": model, "written": written}, _render)


def _shared(
    file: Path,
    run: Run | None,
    pictures: ImageFolder,
    asked: dict[str, Any],
    predictions: Path | str | None,
    shared: dict[str, Any],
) -> dict[str, Any]:
    """The figures, computed by several and kept in the run's folder as one process does."""
    from zoo.engine import anatomy, artefact, match
    from zoo.engine import evaluate as evaluation
    from zoo.engine.sharded.tasks import evaluate as task

    model = artefact.load(file)
    match.samples(anatomy.of(model).classes, pictures, asked["split"])
    table = run.path / evaluation.PREDICTIONS if run is not None else predictions
    with workers.crew("evaluating", **shared) as crew:
        figures: dict[str, Any] = task.figures(
            file, pictures, **asked, crew=crew, predictions=table
        )
    if run is not None:
        evaluation.keep(run, model, figures, predictions)
    return figures


def _data(model: str, run: Run | None, data: str | None) -> str | Path:
    """The folder to read: the one that was named, or the one of the training."""
    if data is not None:
        return data
    if run is None:
        raise DataError(
            f"{model} does not say what it was trained on", f"zoo evaluate {model} DATA"
        )
    trained_on: Path = run.data
    if not trained_on.exists():
        raise DataError(
            f"{trained_on}, which {model} was trained on, is gone", f"zoo evaluate {model} DATA"
        )
    return trained_on


def _render(figures: dict[str, Any]) -> str:
    blocks = [
        f"{figures['model']} on {figures['pictures']:,} pictures, "
        f"{figures['split']} of {figures['data']}",
        show.pairs(
            {
                "accuracy": _rate(figures, "accuracy"),
                "top-5 accuracy": _rate(figures, "top5_accuracy"),
                "balanced": f"{100 * figures['balanced_accuracy']:.2f} %",
                "macro F1": f"{100 * figures['macro']['f1']:.2f} %",
                "ROC AUC": f"{figures['roc']['auc']:.4f}" if "roc" in figures else None,
                "loss": f"{figures['loss']:.4f}",
                "calibration": _calibration(figures["calibration"]),
            }
        ),
        _classes(figures["per_class"]),
    ]
    if figures["unreadable"]:
        named = "\n".join(f"  {name}: {why}" for name, why in figures["unreadable"].items())
        blocks.append(f"unreadable, left out:\n{named}")
    if figures["written"]:
        blocks.append("written\n" + "\n".join(f"  {path}" for path in figures["written"]))
    return "\n\n".join(blocks)


def _rate(figures: dict[str, Any], key: str) -> str | None:
    if key not in figures:
        return None
    low, high = figures[f"{key}_interval"]
    return f"{100 * figures[key]:.2f} %  (95 %: {100 * low:.2f} to {100 * high:.2f} %)"


def _calibration(facts: dict[str, Any]) -> str:
    text = f"off by {100 * facts['ece']:.1f} points on average"
    if softened := facts.get("softened"):
        text += (
            f", {100 * softened['ece']:.1f} at temperature {softened['temperature']:.2f} "
            f"({softened['fitted']})"
        )
    return text


def _classes(per_class: list[dict[str, Any]]) -> str:
    shown = per_class
    if len(per_class) > CLASSES:
        present = [row for row in per_class if row["support"]]
        shown = sorted(present, key=lambda row: row["f1"])[:CLASSES]
    rows = [
        (
            row["class"],
            *(f"{100 * row[key]:.1f} %" for key in ("precision", "recall", "f1")),
            row["support"],
        )
        for row in shown
    ]
    table = show.table(rows, ("class", "precision", "recall", "F1", "pictures"), (1, 2, 3, 4))
    if len(shown) < len(per_class):
        return f"{table}\nthe {len(shown)} lowest of {len(per_class)} classes"
    return table
