"""Pictures through a model, a batch at a time: memory does not grow with their number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import exported
from zoo.engine import anatomy, artefact, data, picture, views
from zoo.engine.folder import Sample
from zoo.engine.ranking import ranked
from zoo.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import keras


def predict(
    model: keras.Model | str | Path,
    pictures: str | Path | Iterable[str | Path],
    *,
    batch_size: int = 32,
    top: int = 5,
    tta: str | None = None,
) -> list[dict[str, Any]]:
    """Name what is on pictures.

        for record in zoo.predict("runs/flowers", "holiday/"):
            print(record["path"], record["class"], record["probability"])

    Args:
        model: A model, a run folder, a `.keras` file, an exported folder, or an ONNX file.
        pictures: Picture files, and folders to search for them.
        batch_size: Pictures that go through the model at once.
        top: How many classes to name, the most probable first.
        tta: A policy and a number of views, such as "light:n=8": the picture itself and seven
            augmentations of it, whose answers are averaged.

    Returns:
        One record a picture, in order: `path`, `class`, `probability` and `top`, a list of
        `class` and `probability`. A picture that cannot be read has `path` and `error` instead.

    Raises:
        DataError: A path does not exist, or there is no picture.
    """
    return list(records(model, pictures, batch_size=batch_size, top=top, tta=tta))


def records(
    model: keras.Model | str | Path,
    pictures: str | Path | Iterable[str | Path],
    *,
    batch_size: int = 32,
    top: int = 5,
    tta: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Give the records of `predict` one by one, so that millions of pictures fit in memory."""
    if exported.is_one(model):
        from zoo.engine.export import answer

        classifier = answer.Classifier(model)
        yield from answer.records(
            classifier, picture.find(pictures), batch_size=batch_size, top=top
        )
        return
    loaded = artefact.load(model) if isinstance(model, (str, Path)) else model
    classes = anatomy.of(loaded).classes
    see = views.of(tta, anatomy.of(loaded).input_size) if tta is not None else None
    samples = [
        Sample(str(path), path, label=0, split="", size=0) for path in picture.find(pictures)
    ]
    with data.tolerate(samples, limit=1.0) as unreadable:
        done = 0
        for indices, probabilities in answers(loaded, samples, batch_size, unreadable, see):
            rows = dict(zip(indices.tolist(), probabilities, strict=True))
            for index, sample in enumerate(samples[done : done + batch_size], done):
                if index in rows:
                    yield {"path": sample.id, **ranked(rows[index], classes, top)}
                else:
                    yield {"path": sample.id, "error": unreadable.reasons[sample.id]}
            done += batch_size


def answers(
    model: keras.Model,
    samples: Sequence[Sample],
    batch_size: int,
    unreadable: data.Unreadable,
    see: views.Views | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Put pictures through a model batch by batch.

    Args:
        model: Any classifier that `anatomy.of` accepts.
        samples: The pictures.
        batch_size: Pictures that go through the model at once.
        unreadable: Collects those that do not decode; see `data.tolerate`.
        see: Gives the views of pictures whose answers are averaged; None for the pictures alone.

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
        preprocessing=anatomy.of(model).preprocessing,
    )
    for images, _, indices in batches:
        yield indices.numpy(), averaged(model, images, indices.numpy(), see)


def averaged(
    model: keras.Model, images: Any, indices: np.ndarray, see: views.Views | None = None
) -> np.ndarray:
    """What a model answers for one batch, or for the views of its pictures on average.

    Args:
        model: Any classifier that `anatomy.of` accepts.
        images: RGB pictures of its input size, 0..255, [N, H, W, 3]; there may be none.
        indices: Their places among all pictures, which decide the views, int64 [N].
        see: Gives the views; None for the pictures alone.

    Returns:
        As `probabilities`.
    """
    if not len(indices):
        return np.empty((0, len(anatomy.of(model).classes)), "float32")
    seen = see(np.asarray(images), indices) if see is not None else [images]
    return np.mean([probabilities(model, each) for each in seen], axis=0)


def probabilities(model: keras.Model, images: Any) -> np.ndarray:
    """What a model answers for one batch.

    Args:
        model: Any classifier that `anatomy.of` accepts.
        images: RGB pictures of its input size, 0..255, [N, H, W, 3].

    Returns:
        float32 [N, classes]; one sigmoid output is spread over its two classes.

    Raises:
        ModelError: The model's answers are no probabilities.
    """
    channels = model.input.shape[3]
    if channels != 3:  # Surgery made it take grey pictures, or more channels.
        images = picture.in_channels(np.asarray(images), channels)
    given = np.asarray(model.predict_on_batch(images), dtype="float32")
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
