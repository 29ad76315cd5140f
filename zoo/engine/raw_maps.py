"""Raw maps on disk: one `.npy` each, and a table that says which is which."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from zoo.engine.explain import Explanation
from zoo.errors import DataError

INDEX = "maps.jsonl"


class RawMaps:
    """Writes maps into a folder as they come.

    Args:
        folder: A folder that does not exist yet, or is empty.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        check(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def add(self, row: Explanation) -> Path:
        """Write one map, float32 [h,w], and its line of `maps.jsonl`.

        Returns:
            The `.npy` file.
        """
        words = (Path(row.name).stem, row.class_name, row.against, row.interpreter)
        stem = "-".join(re.sub(r"[^\w.=-]+", "_", word) for word in words if word)
        path = self.folder / f"{self._count:05}-{stem[:120]}.npy"
        np.save(path, row.heat, allow_pickle=False)
        with (self.folder / INDEX).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"file": path.name, **row.document()}) + "\n")
        self._count += 1
        return path


def check(folder: Path) -> None:
    """See that a folder can be filled.

    Raises:
        DataError: It is in use.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"{folder} is in use", "give a folder that does not exist yet")
