"""Pictures through a model, a batch at a time: memory does not grow with their number."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.engine import anatomy, artefact, data, magic
from zoo.engine.folder import Sample
from zoo.errors import DataError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import keras


def predict(
    model: keras.Model | str | Path,
    pictures: str | Path | Iterable[str | Path],
    *,
    batch_size: int = 32,
    top: int = 5,
) -> list[dict[str, Any]]:
    """Name what is on pictures.

        for record in zoo.predict("runs/flowers", "holiday/"):
            print(record["path"], record["class"], record["probability"])

    Args:
        model: A model, a run folder or a `.keras` file.
        pictures: Picture files, and folders to search for them.
        batch_size: Pictures that go through the model at once.
        top: How many classes to name, the most probable first.

    Returns:
        One record a picture, in order: `path`, `class`, `probability` and `top`, a list of
        `class` and `probability`. A picture that cannot be read has `path` and `error` instead.

    Raises:
        DataError: A path does not exist, or there is no picture.
    """
    return list(records(model, pictures, batch_size=batch_size, top=top))


def records(
    model: keras.Model | str | Path,
    pictures: str | Path | Iterable[str | Path],
    *,
    batch_size: int = 32,
    top: int = 5,
) -> Iterator[dict[str, Any]]:
    """Give the records of `predict` one by one, so that millions of pictures fit in memory."""
    loaded = artefact.load(model) if isinstance(model, (str, Path)) else model
    classes = anatomy.of(loaded).classes
    samples = [Sample(str(path), path, label=0, split="", size=0) for path in find(pictures)]
    with data.tolerate(samples, limit=1.0) as unreadable:
        done = 0
        for indices, probabilities in answers(loaded, samples, batch_size, unreadable):
            rows = dict(zip(indices.tolist(), probabilities, strict=True))
            for index, sample in enumerate(samples[done : done + batch_size], done):
                if index in rows:
                    yield {"path": sample.id, **_ranked(rows[index], classes, top)}
                else:
                    yield {"path": sample.id, "error": unreadable.reasons[sample.id]}
            done += batch_size


def answers(
    model: keras.Model, samples: Sequence[Sample], batch_size: int, unreadable: data.Unreadable
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Put pictures through a model batch by batch.

    Args:
        model: Any classifier that `anatomy.of` accepts.
        samples: The pictures.
        batch_size: Pictures that go through the model at once.
        unreadable: Collects those that do not decode; see `data.tolerate`.

    Yields:
        For each batch the places of its readable pictures among the samples, int64 [n], and a
        row of probabilities for each, float32 [n, classes]. One sigmoid output is spread over its
        two classes.

    Raises:
        ModelError: The model's answers are no probabilities.
    """
    batches = data.batches(
        samples,
        anatomy.of(model).input_size,
        batch_size,
        cache_bytes=0,
        unreadable=unreadable,
        on_unreadable="drop",
        with_indices=True,
    )
    for images, _, indices in batches:
        if len(indices):
            yield indices.numpy(), _probabilities(model.predict_on_batch(images))
        else:
            yield indices.numpy(), np.empty((0, len(anatomy.of(model).classes)), "float32")


def find(pictures: str | Path | Iterable[str | Path]) -> list[Path]:
    """Picture files named one by one or found in folders, each folder sorted by path.

    Args:
        pictures: Files and folders.

    Returns:
        Every file that was named, whatever it holds, and every picture in a folder.

    Raises:
        DataError: A path does not exist, or there is no picture.
    """
    given = [pictures] if isinstance(pictures, (str, Path)) else list(pictures)
    found: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if _is_picture(each))
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"{path} does not exist", hint="give picture files or folders")
    if not found:
        where = ", ".join(map(str, given)) or "nothing"
        raise DataError(f"no picture found in {where}", hint=f"read are {magic.accepted()}")
    return found


def _is_picture(path: Path) -> bool:
    """Whether a file is a picture or called one; the second kind is then named as unreadable."""
    if path.name.startswith(".") or not path.is_file():
        return False
    called = (mimetypes.guess_type(path)[0] or "").startswith("image/")
    return called or magic.sniff(path) in magic.FORMATS


def _probabilities(output: np.ndarray) -> np.ndarray:
    given = np.asarray(output, dtype="float32")
    if not np.isfinite(given).all():
        raise ModelError(
            "the model answers with probabilities that are not numbers (NaN or infinite)",
            hint="its weights diverged in training; lower the learning rate and train again",
        )
    if given.min() < 0 or given.max() > 1.001:
        raise ModelError(
            f"the model's answers reach from {given.min():.3g} to {given.max():.3g}; "
            "probabilities are expected",
            hint="end the model in softmax or sigmoid",
        )
    return np.concatenate([1 - given, given], axis=1) if given.shape[1] == 1 else given


def _ranked(row: np.ndarray, classes: Sequence[str], top: int) -> dict[str, Any]:
    order = np.argsort(-row, kind="stable")[:top]
    named = [{"class": classes[i], "probability": float(row[i])} for i in order]
    return {**named[0], "top": named}
