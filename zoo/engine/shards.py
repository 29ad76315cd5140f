"""Rows of numbers on disk: arrays in shards, each whole or not there, read by memory map.

FOLDER/
index.json       what the rows are, the samples in order, and every shard that is whole
00000.npy        the rows of one run of samples, in their order
"""

from __future__ import annotations

import json
import math
import time
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.engine.sharded.cut import MOST, cut
from zoo.engine.shelf import INDEX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SHARD_BYTES = 64 << 20
SHORT = 0.05
"""Seconds that an index may take to be written after every shard."""

RARELY = 20
"""A longer one takes no more than this fraction of the time."""

LIMIT = 65504.0
"""The largest number of float16."""

OPEN_FILES = 1 << 16
"""As many as Linux lets a process map."""


class TooLarge(Exception):
    """A value that float16 cannot hold."""


class Shards:
    """Rows of samples, written shard by shard and read in any order.

    Args:
        folder: Where they are kept; made when the first shard is written.
        facts: What the rows are, as plain data, for the index.
        ids: The samples' names in order; a row's place is that of its sample.
        shape: Of one row.
        multiple: Rows of a shard are a multiple of it, so that batches begin with shards and give
            the same bits whichever shards are there already.
        dtype: "float16", "float32" or "uint8".
    """

    def __init__(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        ids: Sequence[str],
        shape: Sequence[int],
        *,
        multiple: int = 1,
        dtype: str = "float16",
    ) -> None:
        self.folder = folder
        self.shape = tuple(shape)
        stored = self._stored()
        self.dtype = np.dtype(stored.get("dtype", dtype))
        row = max(1, math.prod(self.shape) * self.dtype.itemsize)
        # Small enough that several can compute a few thousand rows.
        self.rows = cut(len(ids), multiple, min(MOST, SHARD_BYTES // row)).length
        self.ids = tuple(ids)
        self._facts = dict(facts)
        self._done: dict[int, dict[str, Any]] = {}
        self._maps: dict[int, np.ndarray] = {}
        self._indexed = 0.0, 0.0
        self._where = np.full((len(self.ids), 2), -1, np.int64)
        _let_be_open()
        for number, shard in enumerate(stored.get("shards", ())):
            if shard is not None:
                self._open(number, shard)

    @property
    def count(self) -> int:
        """How many shards there are to be."""
        return math.ceil(len(self.ids) / self.rows)

    def missing(self) -> np.ndarray:
        """Places of the samples whose shards are not there, in order."""
        places = [
            np.arange(number * self.rows, min((number + 1) * self.rows, len(self.ids)))
            for number in range(self.count)
            if number not in self._done
        ]
        return np.concatenate(places) if places else np.empty(0, np.int64)

    def begin(self) -> None:
        """Write the index before there is any shard: whoever comes next has this dtype, too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_index()

    @contextmanager
    def filling(self) -> Iterator[Callable[[np.ndarray, np.ndarray], None]]:
        """Collect rows into shards.

        Yields:
            What takes places and their rows, in order, a batch at a time; batches end with shards.
        """
        places: list[np.ndarray] = []
        rows: list[np.ndarray] = []

        def flush() -> None:
            if places:
                self.write(np.concatenate(places), np.concatenate(rows))
            places.clear()
            rows.clear()

        def add(found: np.ndarray, values: np.ndarray) -> None:
            if not len(found):
                return
            if places and found[0] // self.rows != places[0][0] // self.rows:
                flush()
            places.append(found)
            rows.append(values)

        yield add
        flush()
        if self._done:
            self._write_index()

    def write(self, places: np.ndarray, rows: np.ndarray) -> None:
        """Write one shard, beside and renamed, then the index unless that takes long.

        Args:
            places: Of the samples whose rows these are, all of one shard; one that is not among
                them has no row.
            rows: float32 [n, *shape], or of the dtype that is stored.

        Raises:
            TooLarge: If float16 cannot hold a value.
        """
        number = int(places[0]) // self.rows
        self._open(number, save(self.path(number), places, rows, self.dtype))
        began, took = self._indexed
        # It names every sample: of a million it is written only so often.
        if took < SHORT or time.monotonic() - began > RARELY * took:
            self._write_index()

    def adopt(self, shards: Mapping[int, dict[str, Any]]) -> None:
        """Enter shards that others wrote into the index.

        Args:
            shards: What `save` gave of each, by number. One whose file is not what it says stays
                missing.
        """
        for number, shard in shards.items():
            self._open(number, shard)
        if self._done:
            self._write_index()

    def holds(self, shard: Mapping[str, Any]) -> bool:
        """Whether the file of a shard, where it has rows, is what `save` said of it."""
        places = shard["places"]
        return not places or self._rows(places[0] // self.rows, shard) is not None

    def known(self) -> Mapping[int, dict[str, Any]]:
        """What `save` gave of each shard that is there, by number."""
        return dict(self._done)

    def gather(self, places: np.ndarray) -> np.ndarray:
        """Copy rows, in the dtype they are stored in: [n, *shape]."""
        rows = np.empty((len(places), *self.shape), self.dtype)
        for place, (number, row) in enumerate(self._where[places]):
            rows[place] = self._maps[number][row]
        return rows

    def there(self) -> np.ndarray:
        """Whether each sample has a row: bool [samples]."""
        return self._where[:, 0] >= 0

    def _open(self, number: int, shard: dict[str, Any]) -> None:
        """Map a shard into memory if it is what the index says; one that is not is missing."""
        rows = self._rows(number, shard)
        if rows is None:
            return
        places = np.array(shard["places"], np.int64)
        self._done[number] = shard
        self._maps[number] = rows
        self._where[places, 0] = number
        self._where[places, 1] = np.arange(len(places))

    def _rows(self, number: int, shard: Mapping[str, Any]) -> np.ndarray | None:
        """The rows of a shard; None where its file is not what is said of it."""
        try:
            rows: np.ndarray = np.load(self.path(number), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            return None
        if rows.shape != (len(shard["places"]), *self.shape) or rows.dtype != self.dtype:
            return None
        whole = zlib.crc32(np.ascontiguousarray(rows).data) == shard["crc32"]
        return rows if whole else None

    def _stored(self) -> dict[str, Any]:
        try:
            stored: dict[str, Any] = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stored

    def _write_index(self) -> None:
        began = time.monotonic()
        document = {
            **self._facts,
            "dtype": self.dtype.name,
            "shape": self.shape,
            "samples": self.ids,
            "shards": [self._done.get(number) for number in range(self.count)],
        }
        with atomic.replacing(self.folder / INDEX) as beside:
            beside.write_text(json.dumps(document), encoding="utf-8")
        self._indexed = began, time.monotonic() - began

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.folder / f"{number:05}.npy"


def _let_be_open() -> None:
    """Let this process hold as many files as it may: the map of each shard is one.

    Systems begin with a thousand or less, which is 4 million rows.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def save(path: Path, places: np.ndarray, rows: np.ndarray, dtype: np.dtype | str) -> dict[str, Any]:
    """Write the file of one shard, beside and renamed.

    Args:
        path: The file.
        places: Of the samples whose rows these are.
        rows: float32 [n, *shape], or of the dtype that is stored.
        dtype: What to store.

    Returns:
        What the index says of it.

    Raises:
        TooLarge: If float16 cannot hold a value.
    """
    if np.dtype(dtype) == np.float16 and not (np.abs(rows) < LIMIT).all():
        raise TooLarge
    path.parent.mkdir(parents=True, exist_ok=True)
    values = rows.astype(dtype)
    with atomic.replacing(path) as beside, beside.open("wb") as file:
        np.save(file, values, allow_pickle=False)
    exact = values.dtype == rows.dtype
    error = 0.0 if exact else float(np.abs(values.astype(np.float32) - rows).max(initial=0.0))
    crc = zlib.crc32(np.ascontiguousarray(values).data)
    return {"places": places.tolist(), "crc32": crc, "rounding": error}
