from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.engine.sharded.place import LocalPlace
from zoo.engine.sharded.run import Crew, merged
from zoo.errors import DataError, ShardError, ShardFailure

from . import stand_ins

ROWS = [[f"{number:02}.png"] for number in range(11)]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def do(rows, output, workers=2, *, resume=False, notes=None, length=2, **options):
    crew = Crew(workers, resume=resume, note=(notes if notes is not None else []).append)
    with merged(stand_ins.work(rows, length, **options), crew, output) as lines:
        return list(lines)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_result_is_one_processs_whoever_made_it(tmp_path, workers):
    assert do(ROWS, tmp_path / "out.csv", workers) == stand_ins.expected(ROWS)
    assert not list(tmp_path.iterdir())
    assert do(ROWS, None, workers) == stand_ins.expected(ROWS)


def test_a_worker_that_is_killed_is_replaced(tmp_path, tmp_path_factory, monkeypatch):
    room = tmp_path_factory.mktemp("room")
    monkeypatch.setattr("tempfile.tempdir", str(room))
    monkeypatch.setenv("TMPDIR", str(room))
    rows = [list(row) for row in ROWS]
    for number in (0, 5, 10):
        (tmp_path / f"kill-{number}").touch()
        rows[number] += ["kill", str(tmp_path / f"kill-{number}")]
    assert do(rows, tmp_path / "out.csv") == stand_ins.expected(ROWS)
    assert not list(tmp_path.iterdir())
    # Nor is there anything left of what it was reading.
    assert not list(room.iterdir())


def test_a_poisoned_shard_is_named_and_tried_again_on_resume(tmp_path):
    out, notes = tmp_path / "out.csv", []
    rows = [list(row) for row in ROWS]
    rows[4] += ["exit"]
    with pytest.raises(ShardFailure) as caught:
        do(rows, out)
    assert str(caught.value) == (
        "1 of 6 shards were set aside: shard 2 (04.png to 05.png): "
        "its process ended: Segmentation fault | somewhere deep inside\n"
        "  hint: the others are done; where parts are kept, --resume tries these again"
    )
    assert caught.value.exit_code == 1
    # Somebody mended it: what was done stays, what was not is done.
    assert do(ROWS, out, resume=True, notes=notes) == stand_ins.expected(ROWS)
    assert notes == ["9 of 11 were done before"]


def test_errors_of_every_kind(tmp_path):
    out = tmp_path / "out.csv"
    for kind, error, told in (
        ("raise", ShardFailure, "shard 0 (00.png to 01.png): ValueError: a number that is none"),
        ("full", ShardError, "No space left on device: /data/00000001.part"),
        ("refuse", DataError, "no such pictures\n  hint: give others"),
    ):
        with pytest.raises(error) as caught:
            do([["00.png", kind], ["01.png"]], out, 1)
        assert told in str(caught.value)
        # Nothing was done, so nothing is left to go on with.
        assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="no such pictures"):
        do(ROWS, out, start="refuse")
    with pytest.raises(ShardFailure, match="workers cannot start: its process ended: Segm"):
        do(ROWS, out, 1, start="exit")


@pytest.fixture
def left(tmp_path):
    """Parts of a job that did not end."""
    rows = [*ROWS[:-1], [ROWS[-1][0], "refuse"]]
    with pytest.raises(DataError):
        do(rows, tmp_path / "out.csv", 1)
    return tmp_path / "out.csv"


def test_parts_are_gone_on_with_only_if_one_says_so(left):
    parts = f"{left}.parts"
    with pytest.raises(ShardError) as caught:
        do(ROWS, left)
    assert str(caught.value) == (
        f"{parts} holds parts of this job, which did not end\n"
        "  hint: --resume goes on with it; delete it to begin anew"
    )


def test_parts_of_another_job_are_refused(left):
    for other, told in (
        (ROWS[:-1], "rows: ["),
        (ROWS, "shard: 2 there, 3 here"),
    ):
        with pytest.raises(ShardError) as caught:
            do(other, left, resume=True, length=3 if other is ROWS else 2)
        message = str(caught.value)
        assert message.startswith(f"{left}.parts holds parts of another job: ")
        assert told in message
        assert message.endswith(
            "hint: give the job that it was begun with, or delete it to begin anew"
        )


def test_a_damaged_part_is_made_again(left):
    notes = []
    part = Path(f"{left}.parts/00000001.part")
    part.write_bytes(part.read_bytes().replace(b"02.png", b"20.png"))
    assert do(ROWS, left, resume=True, notes=notes) == stand_ins.expected(ROWS)
    assert notes == [
        "00000001.part is damaged: its sha256 differs; it is made again",
        "8 of 11 were done before",
    ]


def test_a_part_whose_work_is_gone_is_made_again(left):
    notes = []
    work = replace(stand_ins.work(ROWS), sound=lambda lines: [2, "02.png"] not in lines)
    with merged(work, Crew(1, resume=True, note=notes.append), left) as lines:
        assert list(lines) == stand_ins.expected(ROWS)
    assert notes == [
        "what 00000001.part tells of is not there; it is made again",
        "8 of 11 were done before",
    ]


def test_a_part_that_is_damaged_meanwhile_is_found_by_the_merge(tmp_path):
    def careless():
        with merged(stand_ins.work(ROWS), Crew(1), tmp_path / "out.csv") as lines:
            LocalPlace(tmp_path / "out.csv.parts").remove("00000001.part")
            list(lines)

    with pytest.raises(ShardFailure) as caught:
        careless()
    assert str(caught.value) == (
        f"{tmp_path / 'out.csv.parts'}: 00000001.part is not there\n  hint: --resume makes it again"
    )


def test_a_disk_that_is_full_at_the_end_loses_nothing(tmp_path):
    out, notes = tmp_path / "out.csv", []

    def unlucky():
        with merged(stand_ins.work(ROWS), Crew(1), out) as lines:
            list(lines)
            raise OSError(errno.ENOSPC, "No space left on device", str(out))

    with pytest.raises(ShardError) as caught:
        unlucky()
    assert str(caught.value) == (
        f"{out} cannot be written: No space left on device\n"
        "  hint: make room; what is done is kept, and --resume goes on with it"
    )
    assert do(ROWS, out, resume=True, notes=notes) == stand_ins.expected(ROWS)
    assert notes == ["11 of 11 were done before"]


def test_who_interrupts_a_job_is_told_how_to_go_on(tmp_path):
    out, notes = tmp_path / "out.csv", []

    def interrupted() -> None:
        with merged(stand_ins.work(ROWS), Crew(1, note=notes.append), out):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert notes == [f"what is done is kept in {out}.parts; --resume goes on with it"]
    assert do(ROWS, out, resume=True) == stand_ins.expected(ROWS)


def test_a_disk_that_takes_not_even_the_model_is_left_as_it_was(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr("shutil.copyfile", full)
    monkeypatch.setattr(Path, "hardlink_to", full)
    work = replace(stand_ins.work(ROWS), model=tmp_path / "model.keras")
    started = merged(work, Crew(1), tmp_path / "out.csv")
    with pytest.raises(ShardError) as caught:
        started.__enter__()
    parts = tmp_path / "out.csv.parts"
    assert str(caught.value).startswith(f"{parts / 'model.keras'} cannot be written: No space")
    assert not parts.exists()


def test_clocks_have_no_part_in_it(left):
    # Files from the far future, as a machine whose clock is wrong writes them.
    for path in Path(f"{left}.parts").iterdir():
        os.utime(path, (2**33, 2**33))
    os.utime(f"{left}.parts", (2**33, 2**33))
    assert do(ROWS, left, resume=True) == stand_ins.expected(ROWS)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts/thesis.tex").touch()
    with pytest.raises(ShardError, match=r"parts is no folder of parts: it holds thesis\.tex"):
        do(ROWS, tmp_path / "out.csv")
    assert (tmp_path / "out.csv.parts/thesis.tex").exists()


DRIVER = """
    import signal, sys
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Under nohup it is ignored.
    sys.path.insert(0, {folder!r})
    import stand_ins
    from zoo.engine.sharded.run import Crew, merged

    rows = [[f"{{number:02}}.png"] for number in range(11)]
    crew = Crew(2, note=lambda sentence: print(sentence, file=sys.stderr))
    with merged(stand_ins.work(rows, seconds=0.2), crew, {out!r}) as lines:
        list(lines)
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_driver_that_is_ended_takes_its_workers_along_and_loses_nothing(tmp_path, kind):
    out, notes = tmp_path / "out.csv", []
    code = textwrap.dedent(DRIVER.format(folder=str(Path(__file__).parent), out=str(out)))
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    parts = Path(f"{out}.parts")
    while not list(parts.glob("*.part")):
        assert child.poll() is None
        time.sleep(0.02)
    with pytest.raises(ShardError) as caught:
        do(ROWS, out, resume=True)
    assert str(caught.value).startswith(f"another job works on {parts}: process {child.pid} on ")
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    child.send_signal(kind)
    _, said = child.communicate()
    if kind != signal.SIGKILL:
        assert child.returncode == 128 + kind
        assert said.splitlines() == [
            f"what is done is kept in {parts}; --resume goes on with it", f"ended by {kind.name}"
        ]  # fmt: skip
    assert len(children) == 2
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{each}").exists() for each in children):
        assert time.monotonic() < deadline, "workers outlive their driver"
        time.sleep(0.02)
    assert do(ROWS, out, resume=True, notes=notes) == stand_ins.expected(ROWS)
    assert notes[0].endswith("of 11 were done before")
