"""Computing features, shard by shard: the files of the cache are what is made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.engine.sharded.cut import Cut
from zoo.engine.sharded.job import Job
from zoo.engine.sharded.run import MODEL, merged
from zoo.engine.sharded.work import Work
from zoo.engine.sharded.worker import Tell
from zoo.errors import DataError, ShardFailure

if TYPE_CHECKING:
    from zoo.engine.data import Unreadable
    from zoo.engine.features import Source
    from zoo.engine.folder import Sample
    from zoo.engine.sharded.run import Crew
    from zoo.engine.shards import Shards


def fill(
    store: Shards,
    source: Source,
    samples: Sequence[Sample],
    unreadable: Unreadable | None,
    crew: Crew,
) -> None:
    """Compute the shards that are missing.

    Args:
        store: What holds them.
        source: What decides them, without an augmentation.
        samples: The pictures.
        unreadable: Collects those that do not decode.
        crew: Who does it.

    Raises:
        TooLarge: If float16 cannot hold a value.
        ZooError: As `run.merged`, and if too many pictures do not decode.
    """
    import keras

    from zoo.engine import anatomy, runtime
    from zoo.engine.shards import TooLarge

    if not len(store.missing()):
        return

    def rows(places: range) -> list[list[Any]]:
        chosen = samples[places.start : places.stop]
        return [[sample.id, sample.place] for sample in chosen]

    device = "gpu:0" if runtime.accelerated() else "cpu"
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        model = Path(folder, MODEL)
        keras.saving.save_model(source.extractor(), model)
        work = Work(
            # The store's name is the digest of all that decides its rows.
            Job("features", {"store": store.folder.name, "dtype": store.dtype.name}),
            Cut(len(samples), store.rows),
            rows,
            f"{__name__}:Features",
            {
                "folder": str(store.folder.absolute()),
                "length": store.rows,
                "dtype": store.dtype.name,
                "preprocessing": anatomy.of(source.model).preprocessing,
                "device": device,
            },
            model,
            device=device,
            before={number: [shard | {"faults": {}}] for number, shard in store.known().items()},
            sound=lambda lines: all(map(store.holds, lines)),
        )
        with merged(work, crew, store.folder) as lines:
            made: dict[int, dict[str, Any]] = {}
            large = False
            for line in lines:
                large |= line.pop("too large", False)
                for place, fault in line.pop("faults").items():
                    if unreadable is not None:
                        unreadable.add(samples[int(place)], DataError(fault))
                if line["places"]:
                    made[line["places"][0] // store.rows] = line
            if not large:
                store.adopt(made)
                if damaged := made.keys() - store.known().keys():
                    raise ShardFailure(
                        f"{store.path(min(damaged))} is not what was written", "see to the disk"
                    )
        # The parts of half precision are gone by now, and in nobody's way.
        if large:
            raise TooLarge


class Features:
    """Computes the rows of one shard of a store, and writes them.

    Args:
        model: The model up to the cut.
        folder: The store.
        length: Rows of its shards.
        dtype: Of its rows.
        preprocessing: An anatomy's.
        device: Where to calculate.
    """

    def __init__(
        self,
        model: str,
        folder: str,
        length: int,
        dtype: str,
        preprocessing: Mapping[str, Any],
        device: str,
    ) -> None:
        from zoo.engine import runtime

        runtime.start(device)
        from zoo.engine import artefact, features

        extractor = artefact.load(model)
        self._compute = features.computing(extractor)
        self._size = extractor.input.shape[1:3]
        self._folder = Path(folder)
        self._length = length
        self._dtype = dtype
        self._preprocessing = preprocessing

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Write the shard, and give what the index is to say of it."""
        import numpy as np

        from zoo.engine import features, shards
        from zoo.engine.sharded import reading

        places, found, faults = [], [], {}
        files = [path for _, path in rows]
        for batch in reading.batches(files, self._size, features.BATCH, self._preprocessing):
            faults |= {start + place: fault for place, fault in batch.faults.items()}
            if len(batch.places):
                places.append(start + batch.places)
                found.append(self._compute(batch.images))
            tell(int(sum(map(len, places))) + len(faults))
        line: dict[str, Any] = {"places": []}
        if places:
            path = self._folder / f"{start // self._length:05}.npy"
            try:
                line = shards.save(path, np.concatenate(places), np.concatenate(found), self._dtype)
            except shards.TooLarge:
                line["too large"] = True
        yield line | {"faults": faults}
