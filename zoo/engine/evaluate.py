"""How good a model is on labelled pictures, with every picture's answer on record."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.engine import anatomy, artefact, calibration, data, match, report
from zoo.engine import predictions as tables
from zoo.engine.metrics import Observed, Tally, observe
from zoo.engine.predict import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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

    fitted = _temperature(loaded, to_fit(pictures, split), batch_size)
    account = Account(pictures, samples, fitted)
    with data.tolerate(samples) as unreadable, tables.table(predictions) as write:
        for indices, probabilities in answers(loaded, samples, batch_size, unreadable):
            labels = np.array([samples[index].label for index in indices], int)
            temperature = fitted[0] if fitted else None
            write(account.add(indices, observe(labels, probabilities, temperature)))
            if progress:
                progress(account.tally.pictures + len(unreadable.reasons), len(samples))
    return account.document(split, unreadable.reasons)


class Account:
    """A model's answers to labelled pictures, counted as they come.

    Args:
        pictures: The data.
        samples: Those that are measured.
        fitted: The temperature, and how many pictures it was fitted to; None for none.
    """

    def __init__(
        self, pictures: ImageFolder, samples: Sequence[Sample], fitted: tuple[float, int] | None
    ) -> None:
        self.tally = Tally(pictures.classes, fitted[0] if fitted else None)
        self._pictures = pictures
        self._samples = samples
        self._fitted = fitted

    def add(self, indices: np.ndarray, observed: Observed) -> list[tuple[object, ...]]:
        """Count a batch, and give the rows of `tables.COLUMNS` for it.

        Args:
            indices: Places of its readable pictures among the samples, int [N].
            observed: What became of them.
        """
        read = [self._samples[index] for index in indices]
        self.tally.count(np.array([sample.label for sample in read], int), observed)
        classes = self._pictures.classes
        figures = zip(read, observed.predicted, observed.confidence, observed.losses, strict=True)
        return [
            (sample.id, classes[sample.label], classes[k], float(sure), float(loss))
            for sample, k, sure, loss in figures
        ]

    def document(self, split: str, unreadable: Mapping[str, str]) -> dict[str, Any]:
        """The figures, as `evaluate` gives them."""
        figures = self.tally.document()
        if self._fitted:
            told = f"{self._fitted[1]:,} validation pictures"
            figures["calibration"]["softened"]["fitted"] = told
        return {
            "schema": SCHEMA,
            "data": str(self._pictures.root),
            "split": split,
            "digest": digest(self._samples),
            "unreadable": dict(unreadable),
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
    keep(run, loaded, figures, predictions)
    return figures


def keep(
    run: Run, model: keras.Model, figures: dict[str, Any], predictions: str | Path | None = None
) -> None:
    """Keep a result in a run's folder, whose predictions.csv is written already.

    Args:
        run: The run.
        model: Its model.
        figures: What `evaluate` gave.
        predictions: A further place for every answer.
    """
    run.write("metrics.json", figures)
    report.write(run, model)
    # Last: where it does not arrive, the run is whole.
    if predictions is not None:
        tables.copy(run.path / PREDICTIONS, predictions)


def to_fit(pictures: ImageFolder, split: str) -> Sequence[Sample]:
    """The pictures that the temperature is fitted to: some of val, where test is measured."""
    samples = pictures.split("val") if split == "test" else ()
    return samples[:: max(1, len(samples) // MOST_FITTED)][:MOST_FITTED]


def _temperature(
    model: keras.Model, chosen: Sequence[Sample], batch_size: int
) -> tuple[float, int] | None:
    """Fit the temperature to some pictures, and say how many; None where they do not tell."""
    if not chosen:
        return None
    labels, given = [], []
    with data.tolerate(chosen) as unreadable:
        for indices, probabilities in answers(model, chosen, batch_size, unreadable):
            labels += [chosen[index].label for index in indices]
            given.append(probabilities)
    return fit(labels, given)


def fit(labels: Sequence[int], given: Sequence[np.ndarray]) -> tuple[float, int] | None:
    """The temperature that suits some answers best, and to how many it was fitted.

    Args:
        labels: True classes.
        given: Probabilities, float32 [n, classes] a batch.

    Returns:
        None where they do not tell.
    """
    if not labels:
        return None
    together, truth = np.concatenate(given), np.array(labels)
    if (together.argmax(axis=1) == truth).all():
        return None  # Without a mistake the sharpest temperature is always the best.
    return calibration.temperature(together, truth), len(labels)


def digest(samples: Sequence[Sample]) -> str:
    """Tell whether two runs were measured on the same files, whatever order their classes have."""
    lines = sorted(f"{sample.id}\0{sample.size}\n" for sample in samples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
