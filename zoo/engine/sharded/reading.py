"""Pictures of a shard, batch by batch: nothing is kept, and no other thread decodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo import remote
from zoo.engine import picture
from zoo.errors import DataError


@dataclass
class Batch:
    """What became of a run of files.

    Args:
        images: Those that could be read, uint8 [n, H, W, 3].
        places: Their places among the files, int64 [n].
        faults: Why the others could not, by place.
    """

    images: np.ndarray
    places: np.ndarray
    faults: dict[int, str] = field(default_factory=dict)


def batches(
    files: Sequence[str], size: Sequence[int], batch_size: int, preprocessing: Mapping[str, Any]
) -> Iterator[Batch]:
    """Decode files in the batches that `data.batches` gives of them, one batch in memory.

    Args:
        files: Picture files, here or elsewhere.
        size: Height and width of the model's input.
        batch_size: Files in a batch.
        preprocessing: An anatomy's.
    """
    first = 0
    for here in remote.batches(files, batch_size):
        pixels, places, faults = [], [], {}
        for place, file in enumerate(here, first):
            try:
                if isinstance(file, DataError):
                    raise file
                pixels.append(picture.load(file, size, preprocessing))
                places.append(place)
            except DataError as error:
                faults[place] = error.message.removeprefix(f"{file}: ")
        images = np.stack(pixels) if pixels else np.empty((0, *size, 3), np.uint8)
        yield Batch(images, np.array(places, np.int64), faults)
        first += len(here)
