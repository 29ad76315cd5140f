"""A cache of what was read and validated once, kept until a file it was read from changes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from zoo import atomic, remote
from zoo.errors import ConfigError


def cache_folder() -> Path:
    """Where zoo keeps what it can make again: `$ZOO_CACHE`, or the user's cache folder.

    Raises:
        ConfigError: It is elsewhere.
    """
    configured = os.environ.get("ZOO_CACHE")
    if configured and remote.is_one(configured):
        raise ConfigError(
            f"ZOO_CACHE is {configured}, and a cache is a folder of this machine",
            "give a folder; one that all machines mount serves a cluster",
        )
    return Path(configured or platformdirs.user_cache_dir("zoo", appauthor=False))


class Index:
    """Values keyed by name, each with the size and time of every file it depends on.

    Args:
        path: The JSON file; by default one per Python environment in the cache folder.
        version: A different version empties the index.
    """

    def __init__(self, version: str, path: Path | None = None) -> None:
        environment = hashlib.sha256(sys.prefix.encode()).hexdigest()[:12]
        self.path = path or cache_folder() / f"index-{environment}.json"
        self.version = version
        self._entries = self._read()
        self._used: set[str] = set()
        self._changed = False

    def get(self, name: str, make: Callable[[], tuple[Any, Iterable[Path]]]) -> Any:
        """The stored value, or what `make` returns beside the files it read."""
        self._used.add(name)
        entry = self._entries.get(name)
        if entry and all(_stamp(file) == stamp for file, stamp in entry["files"].items()):
            return entry["value"]
        value, files = make()
        value = json.loads(json.dumps(value))  # what a warm index will give, from the first time on
        self._entries[name] = {"value": value, "files": {str(f): _stamp(str(f)) for f in files}}
        self._changed = True
        return value

    def save(self) -> None:
        """Write the index beside and rename it; a folder that cannot be written is no fault."""
        unused = self._entries.keys() - self._used
        if not (self._changed or unused):
            return
        entries = {name: entry for name, entry in self._entries.items() if name in self._used}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(self.path) as beside:
                beside.write_text(
                    json.dumps({"version": self.version, "entries": entries}), encoding="utf-8"
                )

    def stale(self) -> list[str]:
        """Names whose stored value a changed file has outlived, as the file on disk stands now."""
        return [
            name
            for name, entry in self._read().items()
            if any(_stamp(file) != stamp for file, stamp in entry["files"].items())
        ]

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            return dict(stored["entries"]) if stored["version"] == self.version else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}


def _stamp(file: str) -> list[int] | None:
    try:
        stat = os.stat(file)  # noqa: PTH116 - a thousand of these are on the path of `zoo list`
    except OSError:
        return None
    return [stat.st_mtime_ns, stat.st_size]
