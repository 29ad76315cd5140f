"""A whole job: claimed, cut, driven, merged, and cleared away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.engine import ending
from zoo.engine.sharded import claim
from zoo.engine.sharded import place as places
from zoo.engine.sharded.driver import Driver
from zoo.engine.sharded.job import differences
from zoo.engine.sharded.part import SUFFIX, Damaged, Part
from zoo.engine.sharded.place import MemoryPlace
from zoo.engine.sharded.worker import FULL
from zoo.errors import ShardError, ShardFailure

if TYPE_CHECKING:
    from zoo.engine.sharded.event import Engine
    from zoo.engine.sharded.job import Job
    from zoo.engine.sharded.place import Place
    from zoo.engine.sharded.work import Work

PARTS = ".parts"
"""What the name of the folder beside an output ends in."""

JOB = "job.json"

MODEL = "model.keras"
"""The model of a job, beside its parts: whoever reaches them has it."""

NAMED = 3
"""Shards that were set aside and are named."""

Progress = Callable[[int, int, Sequence[float]], None]
"""Takes rows that are done, rows in all, and rows a second of each worker."""


@dataclass(frozen=True)
class Crew:
    """Who does the work, and what the user is told meanwhile.

    Args:
        workers: How many.
        engine: "local" or "ray".
        address: Of a Ray cluster; None for one of this machine.
        resume: Go on with what an earlier job left.
        environment: What to add to the environment of the workers.
        progress: Called now and then.
        note: Called with a sentence.
    """

    workers: int
    engine: str = "local"
    address: str | None = None
    resume: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = lambda done, total, rates: None
    note: Callable[[str], None] = lambda sentence: None

    def hire(self, setup: Mapping[str, Any]) -> Engine:
        """The engine that runs them."""
        if self.engine == "ray":
            from zoo.engine.sharded.on_ray import Ray

            return Ray(setup, self.workers, self.address)
        from zoo.engine.sharded.local import Local

        return Local(setup)


@contextmanager
def merged(
    work: Work,
    crew: Crew,
    output: str | Path | None,
    each: Callable[[int, list[Any]], None] | None = None,
) -> Iterator[Iterator[Any]]:
    """Do a job, and give what was made of every row, in order.

    Args:
        work: The job.
        crew: Who does it.
        output: The file that is made of the lines; parts lie beside it until it is there. None
            for parts that are of no use to anybody else.
        each: Called with the lines of every part as it is made.

    Yields:
        The lines of all parts, checked as they are read: memory does not grow with their number.

    Raises:
        ShardError: Another job works there, or what is there belongs to another one.
        ShardFailure: Some shards could not be done; the others are, and kept.
        Ended: This process was told to end.
        ZooError: As the task.
    """
    place = MemoryPlace() if output is None else places.at(f"{output}{PARTS}")
    with ending.told(crew.note), claim.claimed(place, crew.resume) as check:
        _begin(place, work.job, crew)
        cut, digest = work.cut, work.job.digest
        parts = [Part(digest, number, len(cut.rows(number))) for number in range(len(cut))]
        try:
            _fill(place, parts, work, crew, check, each)
            yield _lines(place, parts, check)
        except BaseException as error:
            if not any(name.endswith(SUFFIX) for name in place.names()):
                place.remove()
            elif isinstance(error, KeyboardInterrupt | ending.Ended) and output is not None:
                crew.note(f"what is done is kept in {place.name}; --resume goes on with it")
            if isinstance(error, OSError) and error.errno in FULL:
                # Of a copy the second name is what is written.
                where = error.filename2 or error.filename or output
                raise ShardError(
                    f"{where} cannot be written: {error.strerror}",
                    "make room; what is done is kept, and --resume goes on with it",
                ) from None
            raise
        place.remove()


def _begin(place: Place, job: Job, crew: Crew) -> None:
    """See that what is there is this job's, or that nothing is."""
    now = json.loads(json.dumps(job.document()))
    there = place.read(JOB)
    if there is None:
        strange = [name for name in place.names() if name not in (claim.NAME, MODEL)]
        if strange:
            raise ShardError(
                f"{place.name} is no folder of parts: it holds {strange[0]}", "give another FILE"
            )
        place.write(JOB, json.dumps(now, indent=2).encode())
        return
    try:
        before = json.loads(there)
    except ValueError:
        before = {}
    if before != now:
        raise ShardError(
            f"{place.name} holds parts of another job: {'; '.join(differences(before, now))}",
            "give the job that it was begun with, or delete it to begin anew",
        )
    if not crew.resume:
        raise ShardError(
            f"{place.name} holds parts of this job, which did not end",
            "--resume goes on with it; delete it to begin anew",
        )


def _fill(
    place: Place,
    parts: Sequence[Part],
    work: Work,
    crew: Crew,
    check: claim.Check,
    each: Callable[[int, list[Any]], None] | None,
) -> None:
    """Have the parts made that are not there."""
    cut = work.cut
    for shard, lines in work.before.items():
        parts[shard].write(place, lines)
    names = set(place.names())
    missing = [
        part for part in parts if part.name not in names or _useless(place, part, work, crew)
    ]
    done = cut.count - sum(part.rows for part in missing)
    if done:
        crew.note(f"{done:,} of {cut.count:,} were done before")
    if not missing:
        return
    alone = isinstance(place, MemoryPlace)
    if work.model is not None and not alone:
        place.keep(MODEL, work.model)
    setup = {
        "task": work.task,
        "options": work.options,
        "model": work.model and (str(work.model.absolute()) if alone else MODEL),
        "job": work.job.digest,
        "cores": work.cores,
        "gpu": (work.device or "").startswith("gpu"),
        "parts": None if alone else place.name,
        "environment": crew.environment,
    }

    def order(shard: int) -> dict[str, Any]:
        check()
        wanted = cut.rows(shard)
        return {"shard": shard, "start": wanted.start, "rows": work.rows(wanted)}

    def committed(shard: int, lines: list[Any] | None) -> None:
        if lines is not None:
            parts[shard].write(place, lines)
        if each is not None:
            each(shard, parts[shard].read(place))

    driver = Driver(
        crew.hire(setup),
        crew.workers,
        order,
        committed=committed,
        progress=lambda now, rates: crew.progress(done + now, cut.count, rates),
        note=crew.note,
    )
    poisoned = driver.run(part.shard for part in missing)
    if poisoned:
        raise ShardFailure(
            f"{len(poisoned)} of {len(cut)} shards were set aside: {_blame(poisoned, work)}",
            "the others are done; where parts are kept, --resume tries these again",
        )


def _useless(place: Place, part: Part, work: Work, crew: Crew) -> bool:
    """Whether a part that is there has to be made again."""
    try:
        if work.sound(part.read(place)):
            return False
        why = f"what {part.name} tells of is not there"
    except Damaged as damage:
        why = str(damage)
    crew.note(f"{why}; it is made again")
    return True


def _lines(place: Place, parts: Sequence[Part], check: claim.Check) -> Iterator[Any]:
    for part in parts:
        try:
            yield from part.read(place)
        except Damaged as damage:
            raise ShardFailure(f"{place.name}: {damage}", "--resume makes it again") from None
    check()


def _blame(poisoned: Mapping[int, str], work: Work) -> str:
    """Name some shards that were set aside, and why."""
    told = []
    for shard, why in sorted(poisoned.items())[:NAMED]:
        rows = work.rows(work.cut.rows(shard))
        told.append(f"shard {shard} ({rows[0][0]} to {rows[-1][0]}): {why}")
    rest = len(poisoned) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")
