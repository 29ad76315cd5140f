"""Naming what is on pictures, shard by shard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.engine.sharded.cut import cut
from zoo.engine.sharded.job import Job
from zoo.engine.sharded.work import Work
from zoo.engine.sharded.worker import Tell


def work(
    model: Path,
    pictures: Sequence[Path],
    *,
    batch_size: int,
    top: int,
    tta: str | None,
    device: str | None,
) -> Work:
    """The job that gives the records of `predict.records`, a line for each picture.

    Args:
        model: A `.keras` file.
        pictures: Picture files.
        batch_size: Pictures that go through the model at once.
        top: How many classes to name.
        tta: As for `predict.predict`.
        device: Where each worker calculates.
    """
    manifest = hashlib.sha256()
    for path in pictures:
        manifest.update(f"{path}\0{path.stat().st_size}\n".encode(errors="surrogateescape"))
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    asked = {"batch_size": batch_size, "top": top, "tta": tta}
    shards = cut(len(pictures), batch_size)
    return Work(
        Job(
            "predict",
            {
                "model": digest,
                "pictures": manifest.hexdigest(),
                "shard": shards.length,
                "device": device,
                **asked,
            },
        ),
        shards,
        lambda places: [[str(path)] for path in pictures[places.start : places.stop]],
        f"{__name__}:Predict",
        {"model": str(model.absolute()), "folder": str(Path.cwd()), "device": device, **asked},
    )


class Predict:
    """Answers for pictures.

    Args:
        model: A `.keras` file.
        folder: What paths are relative to.
        batch_size: Pictures that go through the model at once.
        top: How many classes to name.
        tta: A policy and a number of views, or None.
        device: Where to calculate.
    """

    def __init__(
        self,
        model: str,
        folder: str,
        batch_size: int,
        top: int,
        tta: str | None,
        device: str | None,
    ) -> None:
        from zoo.engine import runtime

        runtime.start(device)
        from zoo.engine import anatomy, artefact, views

        self._model = artefact.load(model)
        self._known = anatomy.of(self._model)
        self._see = views.of(tta, self._known.input_size) if tta is not None else None
        self._folder = Path(folder)
        self._batch_size = batch_size
        self._top = top

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Give a record for each picture."""
        from zoo.engine import predict
        from zoo.engine.ranking import ranked
        from zoo.engine.sharded import reading

        files = [self._folder / path for (path,) in rows]
        size, way = self._known.input_size, self._known.preprocessing
        done = 0
        for batch in reading.batches(files, size, self._batch_size, way):
            answers = dict(
                zip(
                    batch.places.tolist(),
                    predict.averaged(self._model, batch.images, start + batch.places, self._see),
                    strict=True,
                )
            )
            for place in range(done, done + len(answers) + len(batch.faults)):
                (path,) = rows[place]
                if place in answers:
                    yield {"path": path, **ranked(answers[place], self._known.classes, self._top)}
                else:
                    yield {"path": path, "error": batch.faults[place]}
            done += len(answers) + len(batch.faults)
            tell(done)
