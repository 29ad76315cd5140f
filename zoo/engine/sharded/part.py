"""The part of a shard: what was made of its rows, under a header that says what it is.

{"job": "9f0c...", "shard": 3, "rows": 64, "sha256": "1b7a..."}
one line of JSON for each row, or for each batch of them
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.engine.sharded.place import Place

SUFFIX = ".part"


class Damaged(Exception):
    """A part that is not there, or is not what it should be; says which and why."""


@dataclass(frozen=True)
class Part:
    """What a shard has to be for its part to be its part.

    Args:
        job: The job's digest.
        shard: Number of the shard.
        rows: How many rows of the manifest it covers.
    """

    job: str
    shard: int
    rows: int

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.shard:08}{SUFFIX}"

    def write(self, place: Place, lines: Iterable[Any]) -> None:
        """Write the part.

        Args:
            place: Where parts lie.
            lines: Plain data, a value for each line.
        """
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        place.write(self.name, json.dumps(self._header(body)).encode() + b"\n" + body)

    def read(self, place: Place) -> list[Any]:
        """Give the lines of the part.

        Raises:
            Damaged: It is not there, of another job or shard, or altered.
        """
        content = place.read(self.name)
        if content is None:
            raise Damaged(f"{self.name} is not there")
        head, _, body = content.partition(b"\n")
        try:
            header = json.loads(head)
            found = self._header(body)
            wrong = [key for key, value in found.items() if header[key] != value]
        except (ValueError, KeyError, TypeError):
            wrong = ["header"]
        if wrong:
            raise Damaged(f"{self.name} is damaged: its {' and '.join(wrong)} differs")
        return [json.loads(line) for line in body.splitlines()]

    def _header(self, body: bytes) -> dict[str, Any]:
        return {
            "job": self.job,
            "shard": self.shard,
            "rows": self.rows,
            "sha256": hashlib.sha256(body).hexdigest(),
        }
