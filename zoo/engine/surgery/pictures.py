"""The pictures of an operation: all of them calibrate, a few of them check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.engine import anatomy, data, picture
from zoo.errors import DataError

if TYPE_CHECKING:
    import keras

    from zoo.engine.folder import Sample

FEWEST = 16
"""Pictures below which means and variances say nothing."""

CHECKED = 64
"""Pictures at most that a certificate is measured on."""

BATCH_BYTES = 256 << 20
"""Bytes of activations that are held at once, whatever the number of pictures."""


@dataclass(frozen=True)
class Pictures:
    """Pictures on disk, decoded as a model wants them.

    Args:
        samples: The pictures; labels play no part.
        size: Height and width of the input.
        preprocessing: How a picture comes to that size; an anatomy's.
    """

    samples: tuple[Sample, ...]
    size: tuple[int, int]
    preprocessing: Any

    @classmethod
    def of(cls, model: keras.Model, samples: Sequence[Sample]) -> Pictures:
        """Pictures for one model.

        Raises:
            DataError: There are fewer than `FEWEST`.
        """
        if len(samples) < FEWEST:
            raise DataError(
                f"{len(samples)} pictures are too few to calibrate and check with, "
                f"accepted are {FEWEST} or more"
            )
        known = anatomy.of(model)
        return cls(tuple(samples), known.input_size, known.preprocessing)

    def batches(self, batch_size: int) -> Iterator[np.ndarray]:
        """RGB pictures, uint8 [n,H,W,3], unreadable ones left out up to a limit."""
        with data.tolerate(self.samples) as unreadable:
            for images, _ in data.batches(
                self.samples,
                self.size,
                batch_size,
                cache_bytes=0,
                unreadable=unreadable,
                on_unreadable="drop",
                preprocessing=self.preprocessing,
            ):
                if len(images):
                    yield images.numpy()

    def checked(self) -> Pictures:
        """Up to `CHECKED` of them, evenly spaced."""
        step = max(1, len(self.samples) // CHECKED)
        return replace(self, samples=self.samples[::step][:CHECKED])

    @cached_property
    def digest(self) -> str:
        """The sha256 of the decoded pixels in order."""
        found = hashlib.sha256()
        for sample in self.samples:
            found.update(picture.load(sample.path, self.size, self.preprocessing).tobytes())
        return found.hexdigest()
