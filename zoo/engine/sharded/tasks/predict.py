"""Naming what is on pictures, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.engine.sharded import digest
from zoo.engine.sharded.cut import cut
from zoo.engine.sharded.job import Job
from zoo.engine.sharded.work import Work
from zoo.engine.sharded.worker import Tell


def work(
    model: Path,
    pictures: Sequence[tuple[str, int]],
    *,
    batch_size: int,
    top: int,
    tta: str | None,
    device: str | None,
) -> Work:
    """The job that gives the records of `predict.records`, a line for each picture.

    Args:
        model: A `.keras` file.
        pictures: Picture files, here or elsewhere, and their bytes.
        batch_size: Pictures that go through the model at once.
        top: How many classes to name.
        tta: As for `predict.predict`.
        device: Where each worker calculates.
    """
    asked = {"batch_size": batch_size, "top": top, "tta": tta, "device": device}
    shards = cut(len(pictures), batch_size)
    facts = {
        "model": digest.of_file(model),
        "pictures": digest.of_rows(pictures),
        "shard": shards.length,
    }
    return Work(
        Job("predict", facts | asked),
        shards,
        lambda places: [[path] for path, _ in pictures[places.start : places.stop]],
        f"{__name__}:Predict",
        {"folder": str(Path.cwd()), **asked},
        model,
        device=device,
    )


def find(names: Sequence[str]) -> list[tuple[str, int]]:
    """Picture files by name, here or elsewhere, and in folders, with their bytes.

    Raises:
        DataError: As `picture.find` and `remote.find`.
    """
    from zoo import remote
    from zoo.engine import picture

    found: list[tuple[str, int]] = []
    for name in names:
        if remote.is_one(name):
            found += remote.find(name).items()
        else:
            paths = picture.find(name)
            found += [(str(path), path.stat().st_size) for path in paths]
    return found


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
        from zoo.engine.sharded.answering import Answering

        self._model = Answering(model, batch_size, tta)
        self._folder = Path(folder)
        self._top = top

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Give a record for each picture."""
        from zoo import remote
        from zoo.engine.ranking import ranked

        done = 0
        files = [path if remote.is_one(path) else str(self._folder / path) for (path,) in rows]
        for batch, probabilities in self._model.answers(files, start):
            answers = dict(zip(batch.places.tolist(), probabilities, strict=True))
            for place in sorted((*answers, *batch.faults)):
                (path,) = rows[place]
                if place in answers:
                    yield {"path": path, **ranked(answers[place], self._model.classes, self._top)}
                else:
                    yield {"path": path, "error": batch.faults[place]}
            done += len(answers) + len(batch.faults)
            tell(done)
