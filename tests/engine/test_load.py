from __future__ import annotations

import os
import time

import pytest

from zoo.engine.energy import Meter
from zoo.engine.load import Watch


def stat(path, busy_seconds: float) -> None:
    ticks = int(busy_seconds * os.sysconf("SC_CLK_TCK"))
    path.write_text(f"cpu  {ticks} 0 0 5000 7 0 0 0 0 0\ncpu0 1 2 3\n")


def test_what_others_took_is_what_is_busy_and_not_ours(tmp_path, monkeypatch):
    now = [100.0, 5.0]  # seconds on the wall, and of our own
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(os, "times", lambda: (now[1], 0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    stat(tmp_path / "stat", 1000)
    watch = Watch(tmp_path / "stat")

    now[:] = [110.0, 13.0]
    stat(tmp_path / "stat", 1020)

    # Of 4 cores x 10 s others had 20 - 8.
    assert watch.foreign() == pytest.approx(12 / 40)


def test_a_system_that_does_not_tell(tmp_path):
    assert Watch(tmp_path / "none").foreign() is None
    assert Meter(tmp_path).joules() is None


def test_energy_of_all_packages_over_the_end_of_a_counter(tmp_path):
    for number, start in enumerate((100, 990)):
        package = tmp_path / f"intel-rapl:{number}"
        package.mkdir()
        (package / "energy_uj").write_text(f"{start}\n")
        (package / "max_energy_range_uj").write_text("1000\n")
    meter = Meter(tmp_path)

    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("300\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("40\n")

    assert meter.joules() == pytest.approx(250e-6)
