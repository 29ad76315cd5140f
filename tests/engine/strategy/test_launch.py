"""Workers on this machine: started, lost, started again, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.engine.strategy import launch
from zoo.errors import ClusterError, WorkerLost

WORKER = """
import json, os, signal, sys, tempfile, time
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
if what == "both" and task == 0:
    time.sleep(0.05)  # The other is the first to end.
    sys.exit(2)
if what == "both":
    sys.exit(2)
if what == "reach":
    (begun / "checkpoints").mkdir(exist_ok=True)
    (begun / "checkpoints" / "resume.npz").touch()
if what in ("die", "miss", "fail", "wait", "reach"):
    tempfile.mkdtemp()
    (out.parent / f"ready-{task}").touch()
    time.sleep(60)
"""

LAUNCHER = """
import signal, sys
from pathlib import Path
from zoo.engine.strategy import launch

# Whoever runs the tests in the background has them ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
launch.MAIN, what, out = sys.argv[1:]
sys.exit(launch.train([what, out], [what, out], Path(out), 2, print))
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


def test_the_chief_is_heard_of_what_all_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(launch, "GRACE", 5.0)
    assert train("both", "work", tmp_path / "run") == (2, [])


def test_what_came_to_nothing_leaves_no_folder(tmp_path: Path):
    train("fail", "work", tmp_path / "run")
    assert not (tmp_path / "run.unfinished").exists()
    (tmp_path / "run.unfinished").mkdir()
    (tmp_path / "run.unfinished" / "run.json").touch()  # It is not of this call.
    train("fail", "fail", tmp_path / "run")
    assert (tmp_path / "run.unfinished").exists()


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a launcher of its own, and waits until its workers are at work."""
    started: list[subprocess.Popen[str]] = []

    def start(what: str) -> subprocess.Popen[str]:
        (tmp_path / "tmp").mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, WORKER, what, str(tmp_path / "run")],
            env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        wait(lambda: all((tmp_path / f"ready-{n}").exists() for n in (0, 1)))
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("what", ["wait", "reach"])
def test_who_ends_the_launcher_ends_all(
    launched: Callable[[str], subprocess.Popen[str]], tmp_path: Path, kind: str, what: str
):
    process = launched(what)
    process.send_signal(getattr(signal, kind))
    told, _ = process.communicate(timeout=20)
    if kind == "SIGINT":  # As an exception, which the command line says in its own words.
        assert (process.returncode, told) == (-signal.SIGINT, "")
    else:
        assert (process.returncode, told) == (128 + getattr(signal, kind), f"ended by {kind}\n")
    assert none_is_left(tmp_path)
    assert not list((tmp_path / "tmp").iterdir())
    # What holds no checkpoint is in nobody's way.
    assert (tmp_path / "run.unfinished").exists() == (what == "reach")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to find workers by")
def test_workers_do_not_outlive_a_launcher_that_is_killed(
    launched: Callable[[str], subprocess.Popen[str]], tmp_path: Path
):
    process = launched("wait")
    process.kill()
    process.communicate()
    wait(lambda: none_is_left(tmp_path))


def test_ports_are_none_that_others_are_given():
    ports = launch._free_ports(3)
    assert len(set(ports)) == 3
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if given.exists():
        assert max(ports) < int(given.read_text().split()[0])


def test_more_workers_than_ports(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(launch, "PORTS", range(31_000, 31_002))
    with pytest.raises(ClusterError, match=r"^3 workers need as many ports; [0-2] are free$"):
        launch._free_ports(3)
