"""Hands shards to workers until every one is done, or has failed too often to be tried again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo import errors
from zoo.engine.sharded.job import differences, versions
from zoo.errors import ShardError, ShardFailure, ZooError

if TYPE_CHECKING:
    from zoo.engine.sharded.event import Engine

TRIES = 3
"""How often a shard may fail, or end its worker, before it is set aside."""

SILENCE = 60.0
"""Seconds without a word from any worker, after which the user is told."""

STILLBORN = 10
"""Workers in a row that may die before they are ready, once one was; until then `TRIES` a seat."""

REDRAW_SECONDS = 0.2

Progress = Callable[[int, list[float]], None]
"""Takes rows that are done, and rows a second at each seat."""


@dataclass(eq=False)
class Seat:
    """Where one worker sits; when it dies another takes its place.

    Args:
        number: Of the seat.
        worker: Its number, never used twice.
        ready: Whether it has started.
        shard: What it is at.
        begun: When it began with that.
        within: Rows of the shard that are done.
        rows: Those of earlier shards.
        seconds: That it took for those.
    """

    number: int
    worker: int = -1
    ready: bool = False
    shard: int | None = None
    begun: float = 0.0
    within: int = 0
    rows: int = 0
    seconds: float = 0.0

    def rate(self, now: float) -> float:
        """Rows a second, 0 before the first."""
        seconds = self.seconds + (now - self.begun if self.within else 0.0)
        return (self.rows + self.within) / seconds if seconds else 0.0


class Driver:
    """The work that is left, and who is at what.

    Args:
        engine: Runs the workers.
        workers: How many.
        order: Gives the arguments of `Worker.work` for a shard.
        committed: Called with a shard that is done, and its lines where nobody has written them.
        progress: Called now and then.
        note: Called with a sentence for the user.
        tries: How often a shard may fail.
    """

    def __init__(
        self,
        engine: Engine,
        workers: int,
        order: Callable[[int], Mapping[str, Any]],
        *,
        committed: Callable[[int, list[Any] | None], None] = lambda shard, lines: None,
        progress: Progress = lambda done, rates: None,
        note: Callable[[str], None] = lambda sentence: None,
        tries: int = TRIES,
    ) -> None:
        self._engine = engine
        self._order = order
        self._committed = committed
        self._progress = progress
        self._note = note
        self._tries = tries
        self._versions = versions()
        self._left: deque[int] = deque()
        self._busy = self._started = self._stillborn = 0
        self._bearable = tries * workers
        self._failures: Counter[int] = Counter()
        self._poisoned: dict[int, str] = {}
        self._idle: list[Seat] = []
        self._sitting: dict[int, Seat] = {}
        self.seats = [Seat(number) for number in range(workers)]
        self._shown = 0.0
        self._happens: dict[str, Callable[[Seat, Any], None]] = {
            "ready": self._ready,
            "at": self._at,
            "done": self._done,
            "failed": self._failed,
            "died": self._died,
            "full": self._full,
            "problem": self._problem,
        }

    def run(self, shards: Iterable[int]) -> dict[int, str]:
        """Have shards done.

        Args:
            shards: Their numbers.

        Returns:
            Those that were set aside, and why.

        Raises:
            ZooError: A worker met an error that every worker would meet.
            ShardError: A disk is full, or workers have other versions than this process.
            ShardFailure: Workers do not even start.
        """
        self._left.extend(shards)
        try:
            for seat in self.seats[: len(self._left)]:
                self._fill(seat)
            while self._left or self._busy:
                event = self._engine.next(SILENCE)
                if event is None:
                    self._note(f"no worker has said anything for {SILENCE:.0f} s: {self._where()}")
                elif event.worker in self._sitting:
                    self._happens[event.kind](self._sitting[event.worker], event.value)
                    self._show()
            self._show(last=True)
        finally:
            self._engine.stop()
        return self._poisoned

    # -- what happens

    def _ready(self, seat: Seat, hello: Mapping[str, Any]) -> None:
        if hello["versions"] != self._versions:
            told = "; ".join(differences(hello["versions"], self._versions))
            raise ShardError(
                f"a worker has other versions than this process: {told}",
                "install the same on every machine: other versions may give other answers",
            )
        self._stillborn, self._bearable = 0, max(self._bearable, STILLBORN)
        seat.ready = True
        self._hand(seat)

    def _at(self, seat: Seat, row: int) -> None:
        seat.within = row

    def _done(self, seat: Seat, told: Mapping[str, Any]) -> None:
        seat.rows += told["rows"]
        seat.seconds += time.monotonic() - seat.begun
        self._committed(self._taken_from(seat), told["lines"])
        self._hand(seat)

    def _failed(self, seat: Seat, why: str) -> None:
        if seat.shard is None:
            self._died(seat, why)
            return
        self._again(seat, why)
        self._hand(seat)

    def _died(self, seat: Seat, why: str) -> None:
        if seat.shard is not None:
            self._note(f"a worker was lost at shard {seat.shard}: {why}")
            self._again(seat, why)
        elif seat in self._idle:
            self._idle.remove(seat)
        else:
            self._stillborn += 1
        del self._sitting[seat.worker]
        if self._stillborn < self._bearable:
            if self._left:
                self._fill(seat)
        elif not self._sitting:
            raise ShardFailure(f"workers cannot start: {why}")
        else:
            self._note(f"going on with {len(self._sitting)} workers, one cannot start: {why}")

    def _full(self, seat: Seat, why: str) -> None:
        raise ShardError(
            f"a part cannot be written: {why}",
            "make room; what is done is kept, and --resume goes on with it",
        )

    def _problem(self, seat: Seat, told: Mapping[str, Any]) -> None:
        kind = getattr(errors, told["class"], ZooError)
        raise kind(told["message"], told["hint"])

    # -- what follows

    def _fill(self, seat: Seat) -> None:
        """Start a worker."""
        seat.worker, self._started = self._started, self._started + 1
        seat.ready = False
        self._sitting[seat.worker] = seat
        self._engine.start(seat.worker, seat.number)

    def _hand(self, seat: Seat) -> None:
        """Give a free worker something to do; one that waits may be needed for what others lose."""
        if not self._left:
            self._idle.append(seat)
            return
        seat.shard, seat.begun = self._left.popleft(), time.monotonic()
        self._busy += 1
        self._engine.give(seat.worker, self._order(seat.shard))

    def _taken_from(self, seat: Seat) -> int:
        """Free a worker of its shard."""
        shard = seat.shard
        assert shard is not None
        seat.shard, seat.within = None, 0
        self._busy -= 1
        return shard

    def _again(self, seat: Seat, why: str) -> None:
        """Put a shard back into the queue, or aside."""
        shard = self._taken_from(seat)
        self._failures[shard] += 1
        if self._failures[shard] >= self._tries:
            self._poisoned[shard] = why
            return
        self._left.append(shard)
        if self._idle:
            self._hand(self._idle.pop())

    def _show(self, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._shown > REDRAW_SECONDS:
            self._shown = now
            done = sum(seat.rows + seat.within for seat in self.seats)
            self._progress(done, [seat.rate(now) for seat in self.seats])

    def _where(self) -> str:
        shards = sorted(seat.shard for seat in self.seats if seat.shard is not None)
        return f"at work on shards {shards[:5]}" if shards else "workers are starting"
