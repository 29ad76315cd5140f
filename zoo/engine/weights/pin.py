"""What a file must be: its digest and its size, and no other file will do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import WeightsError

if TYPE_CHECKING:
    from zoo.part import Weights

LARGEST = 16 << 30
"""Bytes that are read from an address whose size nobody published."""


@dataclass(frozen=True)
class Pin:
    """A file's identity.

    Args:
        digest: Hexadecimal digits, lower-case.
        algorithm: `sha256`, or `md5` where the publisher gives no better one.
        size: Bytes, 0 where not published.
    """

    digest: str
    algorithm: str = "sha256"
    size: int = 0

    @classmethod
    def of(cls, weights: Weights) -> Pin:
        """The pin of a manifest's row; sha256 where it has both."""
        if weights.sha256:
            return cls(weights.sha256, "sha256", weights.size)
        return cls(weights.md5, "md5", weights.size)

    @property
    def name(self) -> str:
        """What the file is called in a cache: the digest, so that no other file has the name."""
        return self.digest if self.algorithm == "sha256" else f"{self.algorithm}-{self.digest}"

    @property
    def limit(self) -> int:
        """Bytes beyond which a transfer stops."""
        return self.size or LARGEST

    def __str__(self) -> str:
        size = f" of {self.size:,} bytes" if self.size else ""
        return f"the file{size} with {self.algorithm} {self.digest}"


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
