"""Looking at pictures one by one, shard by shard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.engine.sharded import digest
from zoo.engine.sharded.cut import cut
from zoo.engine.sharded.job import Job
from zoo.engine.sharded.work import Work
from zoo.engine.sharded.worker import Tell
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.engine.inspection import Finding
    from zoo.engine.sample import Sample

MULTIPLE = 32
"""Shards are a multiple of so many pictures, as those of other jobs."""


def work(samples: Sequence[Sample]) -> Work:
    """The job that gives a line for each picture, which `findings` reads."""
    shards = cut(len(samples), MULTIPLE)
    facts = {
        "pictures": digest.of_rows((s.id, s.label, s.split, s.size) for s in samples),
        "shard": shards.length,
    }

    def rows(places: range) -> list[list[Any]]:
        chosen = samples[places.start : places.stop]
        return [[sample.id, sample.place] for sample in chosen]

    return Work(Job("data check", facts), shards, rows, f"{__name__}:Check", {})


def findings(lines: Iterable[Any], samples: Sequence[Sample]) -> Iterator[Finding]:
    """The findings that `inspection.every` gives, without means."""
    from zoo.engine.inspection import Finding

    for sample, line in zip(samples, lines, strict=True):
        yield Finding(sample, *line)


class Check:
    """Decodes pictures."""

    def __call__(self, start: int, rows: Sequence[Any], tell: Tell) -> Iterator[Any]:
        """Give width, height, format, digest and fault of each picture."""
        from zoo import remote
        from zoo.engine.inspection import look
        from zoo.engine.sample import Sample

        done = 0
        for here in remote.batches([path for _, path in rows], MULTIPLE):
            for (name, _), file in zip(rows[done:], here, strict=False):
                done += 1
                if isinstance(file, DataError):
                    yield [0, 0, "", "", file.message]
                    continue
                found = look(Sample(name, file, 0, "", 0))
                yield [found.width, found.height, found.format, found.sha256, found.fault]
                tell(done)
