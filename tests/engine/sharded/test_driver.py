from __future__ import annotations

from collections import Counter

import pytest

from zoo.engine.sharded import driver
from zoo.engine.sharded.driver import Driver
from zoo.engine.sharded.job import versions
from zoo.errors import DataError, ShardError, ShardFailure

from .stand_ins import Scripted


def done(rows: int = 10) -> tuple[str, dict]:
    return "done", {"rows": rows, "lines": None}


def drive(engine: Scripted, shards: int, workers: int = 3, **told):
    finished = []
    made = Driver(
        engine,
        workers,
        lambda shard: {"shard": shard, "start": 10 * shard, "rows": []},
        committed=lambda shard, lines: finished.append(shard),
        **told,
    )
    poisoned = made.run(range(shards))
    assert engine.stopped
    return finished, poisoned


def test_every_shard_is_done_once():
    engine = Scripted(lambda worker, order: done())
    finished, poisoned = drive(engine, 20)
    assert sorted(finished) == list(range(20))
    assert not poisoned
    assert engine.started == [0, 1, 2]


def test_no_more_workers_than_shards_are_started():
    engine = Scripted(lambda worker, order: done())
    drive(engine, 2, workers=50)
    assert engine.started == [0, 1]


def test_a_worker_that_dies_is_replaced_and_its_shard_is_done():
    died = set()

    def answer(worker, order):
        if order["shard"] in (4, 7) and order["shard"] not in died:
            died.add(order["shard"])
            return "died", "its process was ended by SIGKILL"
        return done()

    engine, notes = Scripted(answer), []
    finished, poisoned = drive(engine, 20, note=notes.append)
    assert sorted(finished) == list(range(20))
    assert not poisoned
    assert len(engine.started) == 5
    assert notes == [
        f"a worker was lost at shard {shard}: its process was ended by SIGKILL" for shard in (4, 7)
    ]


@pytest.mark.parametrize("kind", ["died", "failed"])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_shard_that_always_fails_is_set_aside_and_the_rest_is_done(kind, workers):
    def answer(worker, order):
        return (kind, f"for {order['shard']}") if order["shard"] in (0, 19) else done()

    engine = Scripted(answer)
    finished, poisoned = drive(engine, 20, workers)
    assert sorted(finished) == list(range(1, 19))
    assert poisoned == {0: "for 0", 19: "for 19"}
    tried = Counter(shard for _, shard in engine.given)
    assert tried[0] == tried[19] == driver.TRIES
    assert set(tried.values()) == {1, driver.TRIES}


def test_an_error_that_every_worker_meets_ends_the_job():
    told = {"class": "DataError", "message": "no such picture", "hint": "give another"}
    engine = Scripted(lambda worker, order: ("problem", told))
    with pytest.raises(DataError) as caught:
        drive(engine, 5)
    assert str(caught.value) == "no such picture\n  hint: give another"
    assert engine.stopped


def test_a_full_disk_ends_the_job():
    engine = Scripted(lambda worker, order: ("full", "No space left on device: /data/1.part"))
    with pytest.raises(ShardError) as caught:
        drive(engine, 5)
    assert str(caught.value) == (
        "a part cannot be written: No space left on device: /data/1.part\n"
        "  hint: make room; what is done is kept, and --resume goes on with it"
    )


def test_workers_of_other_versions_are_refused():
    engine = Scripted(lambda worker, order: done(), {**versions(), "keras": "3.99.0"})
    with pytest.raises(ShardError) as caught:
        drive(engine, 5)
    here = versions()["keras"]
    assert str(caught.value) == (
        f"a worker has other versions than this process: keras: 3.99.0 there, {here} here\n"
        "  hint: install the same on every machine: other versions may give other answers"
    )


class Stillborn(Scripted):
    """Whose workers die before they are ready, but for some."""

    def __init__(self, alive: int) -> None:
        super().__init__(lambda worker, order: done())
        self._alive = alive

    def start(self, worker: int, seat: int) -> None:
        if worker < self._alive:
            super().start(worker, seat)
            return
        self.started.append(worker)
        self._events.append(driver_event(worker, "died", "its process ended: no module zoo"))


def driver_event(*words):
    from zoo.engine.sharded.event import Event

    return Event(*words)


def test_workers_that_never_start_end_the_job():
    engine = Stillborn(alive=0)
    with pytest.raises(ShardFailure) as caught:
        drive(engine, 9)
    assert str(caught.value) == "workers cannot start: its process ended: no module zoo"
    assert len(engine.started) == 3 * driver.TRIES + 2


def test_those_that_start_do_the_work_of_those_that_do_not():
    notes = []
    finished, _ = drive(Stillborn(alive=1), 9, note=notes.append)
    assert sorted(finished) == list(range(9))
    assert notes[0] == (
        "going on with 2 workers, one cannot start: its process ended: no module zoo"
    )


def test_silence_is_told():
    class Slow(Scripted):
        quiet = 2

        def next(self, timeout: float):
            if self.given and self.quiet:
                self.quiet -= 1
                return None
            return super().next(timeout)

    notes = []
    drive(Slow(lambda worker, order: done()), 2, note=notes.append)
    assert notes[0] == "no worker has said anything for 60 s: at work on shards [0]"


def test_progress_counts_rows_and_tells_each_rate():
    told = []
    drive(Scripted(lambda worker, order: done()), 20, progress=lambda *now: told.append(now))
    rows, rates = told[-1]
    assert rows == 200
    assert len(rates) == 3
    assert all(rate > 0 for rate in rates)
