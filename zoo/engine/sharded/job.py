"""What decides every byte of a job's result, and how two jobs differ."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo import __version__, environment
from zoo.engine import shelf

SCHEMA = 1
PACKAGES = ("keras", "tensorflow", "numpy", "pillow", "opencv-python-headless")
"""What has a say in the bits of an answer."""


@dataclass(frozen=True)
class Job:
    """A piece of work, known by all that decides it; its digest is its identity.

    Args:
        kind: What is done: "predict", "evaluate" ...
        facts: Model, manifest, options and cut, as plain data: digests of what is large.
    """

    kind: str
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The job as plain data."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "facts": dict(self.facts),
            "versions": versions(),
        }

    @property
    def digest(self) -> str:
        """The sha256 of the document."""
        return shelf.digest(self.document())


def versions() -> dict[str, str]:
    """Of everything that has a say in the bits; workers of other versions are refused."""
    found = environment.installed(PACKAGES)
    return {"zoo": __version__, "python": platform.python_version(), **found}


def differences(there: Any, here: Any, name: str = "") -> Iterator[str]:
    """What differs between two documents, a few words for each difference.

    Args:
        there: One document, of any nesting.
        here: The other.
        name: Of the value that is compared.

    Yields:
        Such as "batch size: 32 there, 16 here"; of digests only that they differ.
    """
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys((*there, *here)):
            yield from differences(there.get(key), here.get(key), str(key).replace("_", " "))
    elif there != here:
        told = isinstance(there, str) and len(there) == 64
        yield name if told else f"{name}: {there} there, {here} here"
