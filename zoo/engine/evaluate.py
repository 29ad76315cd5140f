"""How good a model is on labelled pictures, with every picture's answer on record."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.engine import anatomy, artefact, calibration, data, match, report
from zoo.engine import predictions as tables
from zoo.engine.metrics import Tally
from zoo.engine.predict import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import keras

    from zoo.engine.folder import ImageFolder, Sample
    from zoo.engine.run import Run

SCHEMA = 1
PREDICTIONS = "predictions.csv"
RECORDS = ("metrics.json", PREDICTIONS, *report.PAGES)
MOST_FITTED = 5000
"""Validation pictures that the temperature is fitted to; it is one number."""


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
        predictions: A .csv or .parquet file to write with one row a picture: path, label,
            predicted class, its probability, and the loss in nats, which ranks the mistakes.
        progress: Called with pictures done and pictures in all.

    Returns:
        The figures of `metrics.Tally.document`, with `schema`, `data`, `split`, the sha256
        `digest` of the pictures' names and sizes, and `unreadable` (reason by picture). Of a test
        split the confidence is told a second time under the temperature that suits the validation
        pictures best.

    Raises:
        DataError: The classes of model and data differ, the split is empty, or too many of its
            pictures are unreadable.
        ModelError: The model's answers are no probabilities.
    """
    loaded = artefact.load(model) if isinstance(model, (str, Path)) else model
    pictures = data.read(pictures) if isinstance(pictures, (str, Path)) else pictures
    samples = match.samples(anatomy.of(loaded).classes, pictures, split)

    if predictions is not None:
        tables.check(predictions)

    val = pictures.split("val") if split == "test" else ()
    fitted = _temperature(loaded, val, batch_size) if val else None
    tally = Tally(pictures.classes, fitted[0] if fitted else None)
    with data.tolerate(samples) as unreadable, tables.table(predictions) as write:
        for indices, probabilities in answers(loaded, samples, batch_size, unreadable):
            read = [samples[index] for index in indices]
            losses = tally.add(np.array([sample.label for sample in read], int), probabilities)
            write(_rows(read, probabilities, losses, pictures.classes))
            if progress:
                progress(tally.pictures + len(unreadable.reasons), len(samples))
    figures = tally.document()
    if fitted:
        figures["calibration"]["softened"]["fitted"] = f"{fitted[1]:,} validation pictures"
    return {
        "schema": SCHEMA,
        "data": str(pictures.root),
        "split": split,
        "digest": _digest(samples),
        "unreadable": dict(unreadable.reasons),
        **figures,
    }


def record(
    run: Run,
    pictures: ImageFolder,
    *,
    split: str = "test",
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
    predictions: str | Path | None = None,
) -> dict[str, Any]:
    """Measure a run's model and keep the result in its folder, in the files of `RECORDS`.

    Args:
        run: The run.
        pictures: What `data.read` made of a folder.
        split: As for `evaluate`.
        batch_size: As for `evaluate`.
        progress: As for `evaluate`.
        predictions: A further place for every answer, beside the run's own predictions.csv.

    Returns:
        The figures, which metrics.json holds.

    Raises:
        ZooError: As `evaluate`; nothing is written then.
    """
    loaded = artefact.load(run.path)
    figures = evaluate(
        loaded,
        pictures,
        split=split,
        batch_size=batch_size,
        predictions=run.path / PREDICTIONS,
        progress=progress,
    )
    if predictions is not None:
        tables.copy(run.path / PREDICTIONS, predictions)
    run.write("metrics.json", figures)
    report.write(run, loaded)
    return figures


def _temperature(
    model: keras.Model, samples: Sequence[Sample], batch_size: int
) -> tuple[float, int] | None:
    """Fit the temperature to some pictures, and say how many; None where they do not tell."""
    step = max(1, len(samples) // MOST_FITTED)
    chosen = samples[::step][:MOST_FITTED]
    labels, given = [], []
    with data.tolerate(chosen) as unreadable:
        for indices, probabilities in answers(model, chosen, batch_size, unreadable):
            labels += [chosen[index].label for index in indices]
            given.append(probabilities)
    if not labels:
        return None
    together, truth = np.concatenate(given), np.array(labels)
    if (together.argmax(axis=1) == truth).all():
        return None  # Without a mistake the sharpest temperature is always the best.
    return calibration.temperature(together, truth), len(labels)


def _digest(samples: Sequence[Sample]) -> str:
    """Tell whether two runs were measured on the same files, whatever order their classes have."""
    lines = sorted(f"{sample.id}\0{sample.size}\n" for sample in samples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _rows(
    samples: Sequence[Sample],
    probabilities: np.ndarray,
    losses: np.ndarray,
    classes: Sequence[str],
) -> list[tuple[object, ...]]:
    best = probabilities.argmax(axis=1)
    return [
        (sample.id, classes[sample.label], classes[k], float(row[k]), float(loss))
        for sample, row, k, loss in zip(samples, probabilities, best, losses, strict=True)
    ]
