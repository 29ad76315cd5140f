"""Workers and drivers killed at random moments: whatever dies, the job ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from zoo.cli.main import main
from zoo.engine.sharded.local import Local

pytestmark = pytest.mark.slow

KILLS, AT_A_TIME = 20, 5
CLI = "import sys; from zoo.cli.main import main; sys.exit(main())"


@pytest.fixture
def predicting(colour_run, noisy, tmp_path) -> tuple[list[str], bytes]:
    """Words that take a few seconds, and the bytes that one process makes of them."""
    words = ["predict", str(colour_run), str(noisy(4000)), "--batch-size", "8", "--csv"]
    alone = tmp_path / "alone.csv"
    assert main([*words, str(alone)]) == 0
    return words, alone.read_bytes()


def test_workers_killed_at_twenty_moments(predicting, tmp_path, monkeypatch, capfd):
    words, expected = predicting
    engines: list[Local] = []
    start = Local.start

    def noted(self: Local, worker: int, seat: int) -> None:
        if self not in engines:
            engines.append(self)
        start(self, worker, seat)

    monkeypatch.setattr(Local, "start", noted)
    draw = random.Random(0)
    killed = 0

    def killer(job: int, over: threading.Event) -> None:
        nonlocal killed
        for _ in range(AT_A_TIME):
            # Some moments are while workers start, some while they work.
            if over.wait(draw.uniform(1.0, 6.0)):
                return
            running = list(engines[job].processes().values()) if len(engines) > job else []
            if running:
                os.kill(draw.choice(running), signal.SIGKILL)
                killed += 1

    job = 0
    while killed < KILLS:
        assert job < KILLS, "jobs end before anybody is killed"
        over = threading.Event()
        killing = threading.Thread(target=killer, args=(job, over))
        killing.start()
        out = tmp_path / f"{job}.csv"
        assert main([*words, str(out), "--workers", "2"]) == 0, capfd.readouterr().err
        over.set()
        killing.join()
        assert out.read_bytes() == expected
        assert not Path(f"{out}.parts").exists()
        job += 1


def test_drivers_killed_at_random_moments_are_gone_on_with(predicting, tmp_path, capfd):
    words, expected = predicting
    draw = random.Random(1)
    out = tmp_path / "out.csv"
    command = [sys.executable, "-c", CLI, *words, str(out), "--workers", "2", "--resume"]
    for _ in range(5):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(1.0, 9.0))
        child.kill()
        if child.wait() == 0:  # It was faster.
            break
    if not out.exists() or Path(f"{out}.parts").exists():
        assert main([*words, str(out), "--workers", "2", "--resume"]) == 0, capfd.readouterr().err
    assert out.read_bytes() == expected
    assert not Path(f"{out}.parts").exists()
