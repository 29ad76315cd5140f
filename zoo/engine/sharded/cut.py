"""A manifest cut into shards: by its length alone, so that no number of workers changes a byte."""

from __future__ import annotations

import math
from dataclasses import dataclass

AIM = 64
"""Shards that a small manifest is cut into, so that workers end at about the same time."""

MOST = 4096
"""Rows of the longest shard: what a lost worker takes with it, and what one holds in memory."""


@dataclass(frozen=True)
class Cut:
    """Runs of rows, one after another.

    Args:
        count: Rows of the manifest.
        length: Rows of each shard but the last.
    """

    count: int
    length: int

    def __len__(self) -> int:
        return math.ceil(self.count / self.length)

    def rows(self, number: int) -> range:
        """The places of a shard's rows in the manifest."""
        return range(number * self.length, min((number + 1) * self.length, self.count))


def cut(count: int, multiple: int = 1, most: int = MOST) -> Cut:
    """Cut a manifest.

    Args:
        count: Its rows.
        multiple: Shards are a multiple of it, so that batches of so many rows begin with shards
            and are the same ones whoever computes them.
        most: Rows of the longest shard, unless a batch has more.

    Returns:
        About `AIM` shards of a small manifest, shards of `most` rows of a large one.
    """
    batches = min(math.ceil(count / (AIM * multiple)), most // multiple)
    return Cut(count, max(1, batches) * multiple)
