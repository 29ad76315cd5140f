"""Decoded pictures kept on disk, where all of them do not fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import PIL

from zoo.engine import data, shelf
from zoo.engine.shards import Shards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zoo.engine.folder import Sample

SCHEMA = 2
BATCH = 32


def keep(
    samples: Sequence[Sample],
    size: tuple[int, int],
    preprocessing: Mapping[str, Any],
    unreadable: data.Unreadable,
    progress: Callable[[int, int], None] | None = None,
) -> Shards | None:
    """Decode what is not on disk yet; whatever ended an earlier process, whole shards are kept.

    Pictures are known by place, size and time of change, as `make` knows files: reading all of
    them again would cost much of what is saved.

    Args:
        samples: The pictures.
        size: Height and width of the model's input.
        preprocessing: An anatomy's.
        unreadable: Collects pictures that do not decode; they have no row.
        progress: Called with pictures done and pictures in all.

    Returns:
        The pixels, uint8 [H, W, 3] a row, mapped into memory; None where they fit into memory
        anyway, or not on the disk.

    Raises:
        DataError: If too many pictures do not decode.
    """
    needed = len(samples) * size[0] * size[1] * 3
    if needed <= data.CACHE_BYTES:
        return None
    facts = _facts(samples, size, preprocessing)
    ids = [sample.id for sample in samples]
    store = Shards(shelf.place(facts), facts, ids, (*size, 3), multiple=BATCH, dtype="uint8")
    missing = store.missing()
    if not shelf.has_room(needed * len(missing) // len(samples)):
        return None
    if len(missing):
        _fill(store, samples, missing, size, preprocessing, unreadable, progress)
    shelf.used(store.folder)
    return store


def _fill(
    store: Shards,
    samples: Sequence[Sample],
    missing: np.ndarray,
    size: tuple[int, int],
    preprocessing: Mapping[str, Any],
    unreadable: data.Unreadable,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Decode the pictures of the shards that are missing, in one pass."""
    batches = data.batches(
        [samples[place] for place in missing], size, BATCH,
        cache_bytes=0, unreadable=unreadable, on_unreadable="drop", with_indices=True,
        preprocessing=preprocessing,
    )  # fmt: skip
    with store.filling() as add:
        for images, _, indices in batches:
            places = missing[indices.numpy()]
            add(places, images.numpy())
            if progress is not None and len(places):
                progress(int(places[-1]) + 1, len(samples))


def _facts(
    samples: Sequence[Sample], size: tuple[int, int], preprocessing: Mapping[str, Any]
) -> dict[str, Any]:
    """The key as plain data."""

    def known(sample: Sample) -> list[Any]:
        try:
            found = sample.path.stat()
        except OSError:
            return [str(sample.path.absolute()), "unreadable"]
        return [str(sample.path.absolute()), found.st_size, found.st_mtime_ns]

    return {
        "schema": SCHEMA,
        "cut": "decoded pictures",
        "input_size": list(size),
        "preprocessing": dict(preprocessing),
        "pillow": PIL.__version__,
        "pictures": shelf.digest([known(sample) for sample in samples]),
    }
