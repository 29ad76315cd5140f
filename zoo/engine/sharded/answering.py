"""A model that answers for the pictures of a shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from zoo.engine import anatomy, artefact, predict, views
from zoo.engine.sharded import reading


class Answering:
    """A model, loaded once.

    Args:
        model: A `.keras` file.
        batch_size: Pictures that go through it at once.
        tta: A policy and a number of views whose answers are averaged, or None.
    """

    def __init__(self, model: str, batch_size: int, tta: str | None = None) -> None:
        self._model = artefact.load(model)
        self._known = anatomy.of(self._model)
        self._see = views.of(tta, self._known.input_size) if tta is not None else None
        self._batch_size = batch_size
        self.classes = self._known.classes

    def answers(
        self, files: Sequence[str], start: int = 0
    ) -> Iterator[tuple[reading.Batch, np.ndarray]]:
        """Give each batch and what `predict.averaged` says of it.

        Args:
            files: Picture files, here or elsewhere.
            start: Place of the first among all pictures, which decides the views.
        """
        known = self._known
        for batch in reading.batches(
            files, known.input_size, self._batch_size, known.preprocessing
        ):
            yield (
                batch,
                predict.averaged(self._model, batch.images, start + batch.places, self._see),
            )
