"""Who may work on an output: held by the system on a disk, by a token elsewhere."""

from __future__ import annotations

import os

import pytest

from zoo.engine.sharded.claim import NAME, claimed
from zoo.engine.sharded.place import LocalPlace, RemotePlace
from zoo.errors import ShardError


@pytest.fixture
def elsewhere(memory):
    return RemotePlace("memory://out.csv.parts")


def test_a_disk_has_one_job_at_a_time(tmp_path):
    place = LocalPlace(tmp_path / "parts")

    def second():
        with claimed(LocalPlace(tmp_path / "parts"), take_over=True):
            pytest.fail("two jobs on one output")

    with claimed(place):
        with pytest.raises(ShardError) as caught:
            second()
        # Nor does it help to have a clock that is years ahead.
        os.utime(tmp_path / "parts" / NAME, (0, 0))
        with pytest.raises(ShardError):
            second()
    whose = f"process {os.getpid()} on {os.uname().nodename}"
    assert str(caught.value) == (
        f"another job works on {tmp_path / 'parts'}: {whose}\n  hint: wait for it, or end it first"
    )
    with claimed(place):
        pass


def test_elsewhere_a_job_that_is_taken_over_ends_by_itself(elsewhere):
    def second(take_over: bool):
        with claimed(RemotePlace(elsewhere.name), take_over) as check:
            check()

    def first():
        with claimed(elsewhere) as check:
            check()
            with pytest.raises(ShardError) as refused:
                second(take_over=False)
            assert str(refused.value) == (
                "another job works on memory://out.csv.parts, or died there: "
                f"process {os.getpid()} on {os.uname().nodename}\n"
                "  hint: wait for it; if it is gone, --resume goes on with its work"
            )
            check()
            second(take_over=True)
            check()

    with pytest.raises(ShardError) as fenced:
        first()
    assert str(fenced.value).startswith("another job has taken memory://out.csv.parts over: ")
    assert str(fenced.value).endswith("hint: nothing is lost: that one goes on")


def test_elsewhere_a_job_that_fails_leaves_no_claim(elsewhere):
    def failing():
        with claimed(elsewhere):
            raise ValueError

    with pytest.raises(ValueError):
        failing()
    assert elsewhere.names() == []


def test_files_elsewhere(elsewhere, tmp_path):
    assert elsewhere.names() == []
    assert elsewhere.read("a") is None
    elsewhere.write("b", b"2")
    elsewhere.write("a", b"1")
    (tmp_path / "model").write_bytes(b"3")
    elsewhere.keep("model", tmp_path / "model")
    assert elsewhere.names() == ["a", "b", "model"]
    with elsewhere.fetched("model") as path:
        assert path.read_bytes() == b"3"
    assert not path.exists()
    elsewhere.remove("a")
    assert elsewhere.names() == ["b", "model"]
    elsewhere.remove()
    assert elsewhere.names() == []
