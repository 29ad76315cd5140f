"""Where a training stands, in one file that is replaced whole: what `--resume` goes on from."""

from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NAME = "resume.npz"
SCHEMA = 1

SHARE = 0.01
"""Writing takes at most this share of the time: the next one waits until it does."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands, at the end of an epoch or of a phase.

    Args:
        facts: Plain data: number of the phase, epochs taken, size of history.csv, what the
            callbacks remember, digests of the variables before the phase.
        arrays: Name to values: variables of the model that may move, of the optimizer, and the
            best of the model's so far.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def group(self, name: str) -> dict[str, np.ndarray]:
        """The arrays whose names begin with `name/`, without it."""
        start = f"{name}/"
        found = {key: value for key, value in self.arrays.items() if key.startswith(start)}
        return {key.removeprefix(start): value for key, value in found.items()}

    def write(self, folder: Path) -> None:
        """Write the file beside its place, to the disk, and rename it."""
        beside = folder / f".{NAME}"
        document = json.dumps({"schema": SCHEMA, **self.facts}).encode()
        try:
            with beside.open("wb") as file:
                np.savez(file, __facts__=np.frombuffer(document, np.uint8), **self.arrays)
                file.flush()
                # Without it a machine that loses power may keep the name and lose the content.
                os.fsync(file.fileno())
            beside.replace(folder / NAME)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Checkpoint | None:
        """Read the file; None where the training had not come to write one.

        Raises:
            RunError: If it is damaged or of a newer zoo.
        """
        path = folder / NAME
        if not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            facts = json.loads(arrays.pop("__facts__").tobytes())
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise RunError(
                f"{path} is damaged: {error}", hint="remove the folder and train again"
            ) from None
        if facts.get("schema") != SCHEMA:
            raise RunError(f"{path} was written by another version of zoo", hint="upgrade zoo")
        return cls(facts, arrays)


def values(variables: Sequence[keras.Variable]) -> dict[str, np.ndarray]:
    """Copy variables to the host, by place and path: random generators may share a path."""
    return {
        _key(place, each): np.array(keras.ops.convert_to_numpy(each.value))
        for place, each in enumerate(variables)
    }


def assign(variables: Sequence[keras.Variable], stored: Mapping[str, np.ndarray]) -> None:
    """Give variables the values that `values` copied.

    Raises:
        RunError: If the model has other variables than those that were stored.
    """
    named = {_key(place, each): each for place, each in enumerate(variables)}
    if named.keys() != stored.keys():
        raise RunError(
            "the model differs from the one that was being trained",
            hint="resume with the versions of zoo and its plugins that zoo.lock names",
        )
    for name, each in named.items():
        each.assign(stored[name])


class Pace:
    """Tells when writing may be done again, so that it never takes more than `SHARE` of the time.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._next = 0.0

    def due(self) -> bool:
        """Whether enough time has passed since the last writing."""
        return self._clock() >= self._next

    def wrote(self, started: float) -> None:
        """Note a writing that began at `started` and has just ended."""
        now = self._clock()
        self._next = now + (now - started) / SHARE


def _key(place: int, variable: keras.Variable) -> str:
    """Name a variable by its place and path; Keras numbers seed generators anew in each model."""
    return f"{place}:{re.sub(r'seed_generator_[0-9]+', 'seed_generator', variable.path)}"
