"""Measuring a model, shard by shard: a few numbers a picture come back, not its probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.engine.sharded import digest
from zoo.engine.sharded.cut import cut
from zoo.engine.sharded.job import Job
from zoo.engine.sharded.run import merged
from zoo.engine.sharded.work import Work
from zoo.engine.sharded.worker import Tell
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.engine.data import Unreadable
    from zoo.engine.folder import ImageFolder, Sample
    from zoo.engine.sharded.run import Crew

FIT = ".fit"
"""What the name of the parts ends in that the temperature is fitted to, before `.parts`."""


def figures(
    model: Path,
    pictures: ImageFolder,
    *,
    split: str,
    batch_size: int,
    device: str | None,
    crew: Crew,
    predictions: Path | str | None,
) -> dict[str, Any]:
    """What `evaluate.evaluate` gives, computed by several.

    Args:
        model: A `.keras` file.
        pictures: The data, of the model's classes.
        split: Which pictures.
        batch_size: Pictures that go through the model at once.
        device: Where each worker calculates.
        crew: Who does it.
        predictions: The table of answers to write, beside which parts lie; None for neither.

    Raises:
        ZooError: As `evaluate.evaluate`, and as `run.merged`.
    """
    import numpy as np

    from zoo.engine import data, match
    from zoo.engine import evaluate as evaluation
    from zoo.engine import predictions as tables
    from zoo.engine.metrics import Observed

    samples = match.samples(pictures.classes, pictures, split)
    chosen = evaluation.to_fit(pictures, split)
    asked = {"batch_size": batch_size, "device": device}
    beside = f"{predictions}{FIT}" if predictions is not None else None
    # Its parts stay until all is done: who goes on with this job has the temperature at once.
    with merged(work(model, chosen, whole=True, **asked), crew, beside) as lines:
        labels, given = [], []
        with data.tolerate(chosen) as unreadable:
            for line in lines:
                _note(line, chosen, unreadable)
                labels += [chosen[place].label for place in line["places"]]
                given.append(np.array(line["probabilities"], "float32"))
        fitted = evaluation.fit(labels, [each for each in given if len(each)])
        account = evaluation.Account(pictures, samples, fitted)
        temperature = fitted[0] if fitted else None
        with (
            merged(
                work(model, samples, temperature=temperature, **asked), crew, predictions
            ) as lines,
            data.tolerate(samples) as unreadable,
            tables.table(predictions) as write,
        ):
            for line in lines:
                _note(line, samples, unreadable)
                write(account.add(np.array(line["places"], int), Observed.read(line["observed"])))
        return account.document(split, unreadable.reasons)


def work(
    model: Path,
    samples: Sequence[Sample],
    *,
    batch_size: int,
    device: str | None,
    temperature: float | None = None,
    whole: bool = False,
) -> Work:
    """The job that gives a line for each batch.

    Args:
        model: A `.keras` file.
        samples: Labelled pictures.
        batch_size: Pictures that go through the model at once.
        device: Where each worker calculates.
        temperature: The one for `metrics.observe`.
        whole: Give the probabilities as they are, and observe nothing.
    """
    asked = {"batch_size": batch_size, "temperature": temperature, "device": device}
    asked |= {"whole": whole}
    shards = cut(len(samples), batch_size)
    facts = {
        "model": digest.of_file(model),
        "pictures": digest.of_rows((s.id, s.label, s.size) for s in samples),
        "shard": shards.length,
    }

    def rows(places: range) -> list[list[Any]]:
        chosen = samples[places.start : places.stop]
        return [[sample.id, sample.place, sample.label] for sample in chosen]

    target = f"{__name__}:Evaluate"
    job = Job("evaluate", facts | asked)
    return Work(job, shards, rows, target, asked, model, device=device)


class Evaluate:
    """Answers for labelled pictures.

    Args:
        model: A `.keras` file.
        batch_size: Pictures that go through the model at once.
        temperature: As for `work`.
        whole: As for `work`.
        device: Where to calculate.
    """

    def __init__(
        self,
        model: str,
        batch_size: int,
        temperature: float | None,
        whole: bool,
        device: str | None,
    ) -> None:
        from zoo.engine import runtime

        runtime.start(device)
        from zoo.engine.sharded.answering import Answering

        self._model = Answering(model, batch_size)
        self._temperature = temperature
        self._whole = whole

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Give for each batch the places of its pictures, and what became of them."""
        import numpy as np

        from zoo.engine.metrics import observe

        done = 0
        files = [path for _, path, _ in rows]
        for batch, probabilities in self._model.answers(files):
            line = {
                "places": (start + batch.places).tolist(),
                "faults": {start + place: fault for place, fault in batch.faults.items()},
            }
            if self._whole:
                yield line | {"probabilities": probabilities.tolist()}
            else:
                labels = np.array([rows[place][2] for place in batch.places], int)
                observed = observe(labels, probabilities, self._temperature)
                yield line | {"observed": observed.document()}
            done += len(batch.places) + len(batch.faults)
            tell(done)


def _note(line: dict[str, Any], samples: Sequence[Sample], unreadable: Unreadable) -> None:
    """Count the pictures of a batch that could not be read."""
    for place, fault in line["faults"].items():
        unreadable.add(samples[int(place)], DataError(fault))
