"""Workers on this machine: started, lost, started again, ended together."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from zoo.engine.strategy import launch
from zoo.errors import WorkerLost

WORKER = """
import json, os, signal, sys, time
from pathlib import Path

task = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
what, out = sys.argv[1], Path(sys.argv[2])
begun = out.with_name(out.name + ".unfinished")
with (out.parent / f"pids-{task}").open("a") as file:
    print(os.getpid(), file=file)
if task == 0:
    begun.mkdir(exist_ok=True)
    (begun / "run.json").write_text("{}")
while not begun.exists():
    time.sleep(0.01)
with (out.parent / f"words-{task}").open("a") as file:
    print(what, file=file)
if what == "die" and task == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if what == "miss" and task == 1:
    sys.exit(75)
if what == "fail" and task == 1:
    print("a first line", *range(9), "error: the pictures are gone", sep="\\n", file=sys.stderr)
    sys.exit(2)
if what in ("die", "miss", "fail"):
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "MAIN", WORKER)
    monkeypatch.setattr(launch, "GRACE", 0.1)


def train(what: str, again: str, out: Path) -> tuple[int, list[str]]:
    notes: list[str] = []
    code = launch.train([what, str(out)], [again, str(out)], out, 2, notes.append)
    return code, notes


def none_is_left(folder: Path) -> bool:
    pids = [int(line) for path in folder.glob("pids-*") for line in path.read_text().split()]
    return not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids)


def test_all_do_their_work(tmp_path: Path):
    assert train("work", "again", tmp_path / "run") == (0, [])
    assert [(tmp_path / f"words-{n}").read_text() for n in (0, 1)] == ["work\n", "work\n"]


@pytest.mark.parametrize(
    ("what", "how"), [("die", "killed by SIGKILL"), ("miss", "it missed another")]
)
def test_a_lost_worker_is_replaced(tmp_path: Path, what: str, how: str):
    code, notes = train(what, "work", tmp_path / "run")
    assert code == 0
    assert notes == [
        f"worker 1 was lost ({how}); all start again from the last checkpoint, 1 of 3 times"
    ]
    assert (tmp_path / "words-1").read_text() == f"{what}\nwork\n"
    assert none_is_left(tmp_path)


def test_what_goes_on_going_wrong_is_ended(tmp_path: Path):
    with pytest.raises(WorkerLost) as caught:
        train("die", "die", tmp_path / "run")
    assert str(caught.value) == (
        "workers were lost 4 times, the last of them worker 1 (killed by SIGKILL)\n"
        "  hint: less memory, by a smaller --batch-size or fewer --workers, may help"
    )
    assert none_is_left(tmp_path)


def test_a_failure_ends_all_and_is_shown(tmp_path: Path):
    started = time.monotonic()
    code, notes = train("fail", "work", tmp_path / "run")
    assert code == 2
    shown = [*"5678", "error: the pictures are gone"]
    assert notes == ["worker 1 failed:\n" + "\n".join(f"  worker 1: {line}" for line in shown)]
    assert time.monotonic() - started < 20
    assert none_is_left(tmp_path)


def test_a_folder_in_which_nothing_was_begun_is_begun_anew(tmp_path: Path):
    (tmp_path / "run.unfinished").mkdir()
    assert train("work", "again", tmp_path / "run") == (0, [])
    assert (tmp_path / "words-0").read_text() == "work\n"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_workers_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        launch,
        "MAIN",
        "import json, os, sys; from pathlib import Path\n"
        "task = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        "import time; time.sleep(0.3)\n"
        "cores = ' '.join(map(str, os.sched_getaffinity(0)))\n"
        "Path(sys.argv[2]).with_name(f'cores-{task}').write_text(cores)\n",
    )
    train("", "", tmp_path / "run")
    own = [set((tmp_path / f"cores-{n}").read_text().split()) for n in (0, 1)]
    if len(os.sched_getaffinity(0)) > 1:
        assert not own[0] & own[1]
