"""The pictures that a report shows: mistakes, what the model is surest and wrong about, samples."""

from __future__ import annotations

import base64
import io
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zoo.engine import picture
from zoo.errors import ZooError

if TYPE_CHECKING:
    import keras

    from zoo.engine.run import Run

SIDE = 112
"""Pixels of a thumbnail's longer side."""

PER_CELL = 8
MOST_MISTAKES = 240
MATRIX_LIMIT = 30
"""Beyond this many classes a matrix is no longer read; the pairs most often confused are."""

PAIRS = 20
TOP_LOSSES = 8
LABEL_ERRORS = 12


@dataclass(frozen=True)
class Answer:
    """What the model said of one picture.

    Args:
        path: The picture's name, relative to the data.
        label: Its class.
        predicted: The class the model gives it.
        probability: How sure it is.
        loss: In nats.
    """

    path: str
    label: str
    predicted: str
    probability: float
    loss: float

    @classmethod
    def read(cls, row: Mapping[str, str]) -> Answer:
        """An answer from a row of predictions.csv."""
        return cls(
            row["path"], row["label"], row["predicted"],
            float(row["probability"]), float(row["loss"]),
        )  # fmt: skip


@dataclass(frozen=True)
class Thumbnail:
    """A small picture inside the page.

    Args:
        data: A data URI.
        width: Pixels.
        height: Pixels.
        answer: What the model said of it.
        heat: The same with a heat map over it, or None.
    """

    data: str
    width: int
    height: int
    answer: Answer | None = None
    heat: str | None = None


def thumbnail(root: Path, answer: Answer, side: int = SIDE) -> Thumbnail | None:
    """A picture made small; None where it is gone or cannot be read."""
    try:
        pixels = picture.read(root / answer.path)
    except ZooError:
        return None
    return shrunk(pixels, answer, side)


def shrunk(pixels: np.ndarray, answer: Answer | None = None, side: int = SIDE) -> Thumbnail:
    """Pixels [h,w,3] as a thumbnail; a picture smaller than that keeps its size."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return Thumbnail(_uri(image), image.width, image.height, answer)


def cells(root: Path, answers: Sequence[Answer], classes: Sequence[str]) -> list[dict[str, Any]]:
    """The pictures behind each cell of the confusion matrix that is not on its diagonal.

    Args:
        root: The folder of the data.
        answers: All answers.
        classes: Class names in order.

    Returns:
        By cell, those with the most mistakes first: `truth`, `answer`, `id`, `count` and up to
        `PER_CELL` pictures, the worst first; `MOST_MISTAKES` in all.
    """
    found: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for each in answers:
        if each.label != each.predicted:
            found[each.label, each.predicted].append(each)
    rows, left = [], MOST_MISTAKES
    for (truth, predicted), mistakes in sorted(found.items(), key=lambda row: -len(row[1])):
        worst = sorted(mistakes, key=lambda each: -each.loss)[: min(PER_CELL, left)]
        shown = [small for each in worst if (small := thumbnail(root, each))]
        left -= len(shown)
        rows.append(
            {
                "truth": truth,
                "answer": predicted,
                "id": f"cell-{classes.index(truth)}-{classes.index(predicted)}",
                "count": len(mistakes),
                "pictures": shown,
            }
        )
    return rows


def top_losses(
    run: Run, answers: Sequence[Answer], model: keras.Model | None
) -> tuple[list[Thumbnail], str]:
    """The pictures with the highest losses, each beside the heat map of what the model took it for.

    Args:
        run: The run.
        answers: All answers.
        model: The run's model; without one there are no heat maps.

    Returns:
        The pictures, and why there is no heat map, or nothing.
    """
    wrong = [each for each in answers if each.label != each.predicted]
    worst = sorted(wrong, key=lambda each: -each.loss)[:TOP_LOSSES]
    root = run.measured_on
    worst = [each for each in worst if (root / each.path).is_file()]
    if model is None or not worst:
        return [small for each in worst if (small := thumbnail(root, each))], ""
    from zoo import registry
    from zoo.engine import heatmap
    from zoo.engine.explain import explain

    try:
        explained = explain(
            model,
            [root / each.path for each in worst],
            interpreter=registry.load().default("interpreter"),
            targets=[each.predicted for each in worst],
        )
    except ZooError as error:
        logging.getLogger("zoo").debug("no heat maps in the report: %s", error)
        return [small for each in worst if (small := thumbnail(root, each))], error.message
    shown = []
    for answer, each in zip(worst, explained, strict=True):
        small = shrunk(each.picture, answer)
        over = Image.fromarray(heatmap.overlay(each.picture, each.heat))
        over.thumbnail((small.width, small.height))
        shown.append(Thumbnail(small.data, small.width, small.height, answer, _uri(over)))
    return shown, ""


def label_errors(root: Path, answers: Sequence[Answer]) -> list[Thumbnail]:
    """Pictures whose label is likely wrong, the likeliest first.

    A picture counts where the model gives another class than its label, at least as surely as it
    gives that class to the pictures that are labelled with it, on average: the confident joint of
    C. Northcutt, L. Jiang and I. Chuang, Confident Learning, JAIR 70 (2021), arXiv:1911.00068.

    Args:
        root: The folder of the data.
        answers: All answers.
    """
    return [small for each in suspects(answers) if (small := thumbnail(root, each))]


def suspects(answers: Sequence[Answer]) -> list[Answer]:
    """The answers behind `label_errors`, up to `LABEL_ERRORS`."""
    own: dict[str, list[float]] = defaultdict(list)
    for each in answers:
        own[each.label].append(float(np.exp(-each.loss)))
    usual = {name: sum(values) / len(values) for name, values in own.items()}
    found = [
        each
        for each in answers
        if each.predicted != each.label
        and each.probability >= usual.get(each.predicted, float("inf"))
    ]
    return sorted(found, key=lambda each: -each.loss)[:LABEL_ERRORS]


def _uri(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=78)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
