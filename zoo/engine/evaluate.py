"""How good a model is on labelled pictures, with every picture's answer on record."""

from __future__ import annotations

import csv
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.engine import anatomy, artefact, data, match, report
from zoo.engine.metrics import Tally
from zoo.engine.predict import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import keras

    from zoo.engine.folder import ImageFolder, Sample
    from zoo.engine.run import Run

SCHEMA = 1
PREDICTIONS = "predictions.csv"
RECORDS = ("metrics.json", PREDICTIONS, *report.PAGES)
COLUMNS = ("path", "label", "predicted", "probability", "loss")


def evaluate(
    model: keras.Model | str | Path,
    pictures: ImageFolder | str | Path,
    *,
    split: str = "test",
    batch_size: int = 32,
    predictions: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure a model on labelled pictures.

        zoo.evaluate("runs/flowers", "flowers/")["accuracy"]

    Args:
        model: A model, a run folder or a `.keras` file.
        pictures: A folder per class, or what `data.read` made of one.
        split: Which pictures: "test", "val", "train", or "all" of them.
        batch_size: Pictures that go through the model at once.
        predictions: A CSV file to write with one row a picture: path, label, predicted class, its
            probability, and the loss in nats, which ranks the mistakes.
        progress: Called with pictures done and pictures in all.

    Returns:
        The figures of `metrics.Tally.document`, with `schema`, `data`, `split` and `unreadable`
        (reason by picture).

    Raises:
        DataError: The classes of model and data differ, the split is empty, or too many of its
            pictures are unreadable.
        ModelError: The model's answers are no probabilities.
    """
    loaded = artefact.load(model) if isinstance(model, (str, Path)) else model
    pictures = data.read(pictures) if isinstance(pictures, (str, Path)) else pictures
    samples = match.samples(anatomy.of(loaded).classes, pictures, split)

    tally = Tally(pictures.classes)
    with data.tolerate(samples) as unreadable, _table(predictions) as write:
        for indices, probabilities in answers(loaded, samples, batch_size, unreadable):
            read = [samples[index] for index in indices]
            losses = tally.add(np.array([sample.label for sample in read], int), probabilities)
            write(_rows(read, probabilities, losses, pictures.classes))
            if progress:
                progress(tally.pictures + len(unreadable.reasons), len(samples))
    return {
        "schema": SCHEMA,
        "data": str(pictures.root),
        "split": split,
        "unreadable": dict(unreadable.reasons),
        **tally.document(),
    }


def record(
    run: Run,
    pictures: ImageFolder,
    *,
    split: str = "test",
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure a run's model and keep the result in its folder, in the files of `RECORDS`.

    Args:
        run: The run.
        pictures: What `data.read` made of a folder.
        split: As for `evaluate`.
        batch_size: As for `evaluate`.
        progress: As for `evaluate`.

    Returns:
        The figures, which metrics.json holds.

    Raises:
        ZooError: As `evaluate`; nothing is written then.
    """
    figures = evaluate(
        run.path,
        pictures,
        split=split,
        batch_size=batch_size,
        predictions=run.path / PREDICTIONS,
        progress=progress,
    )
    run.write("metrics.json", figures)
    report.write(run)
    return figures


@contextmanager
def _table(path: str | Path | None) -> Iterator[Callable[[Sequence[Sequence[object]]], None]]:
    """Open a CSV beside its place and rename it once it is whole; without a path drop the rows."""
    if path is None:
        yield lambda rows: None
        return
    final = Path(path)
    beside = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        with beside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            yield writer.writerows
        beside.replace(final)
    finally:
        beside.unlink(missing_ok=True)


def _rows(
    samples: Sequence[Sample],
    probabilities: np.ndarray,
    losses: np.ndarray,
    classes: Sequence[str],
) -> list[tuple[object, ...]]:
    best = probabilities.argmax(axis=1)
    return [
        (sample.id, classes[sample.label], classes[k], f"{row[k]:.6f}", f"{loss:.6f}")
        for sample, row, k, loss in zip(samples, probabilities, best, losses, strict=True)
    ]
