from __future__ import annotations

import os
import sys
import time
from types import ModuleType

import pytest

from zoo.engine import energy
from zoo.engine.energy import Processors
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
    assert Processors(tmp_path).joules() is None


def test_energy_of_all_packages_over_the_end_of_a_counter(tmp_path):
    for number, start in enumerate((100, 990)):
        package = tmp_path / f"intel-rapl:{number}"
        package.mkdir()
        (package / "energy_uj").write_text(f"{start}\n")
        (package / "max_energy_range_uj").write_text("1000\n")
    meter = Processors(tmp_path)

    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("300\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("40\n")

    assert meter.joules() == pytest.approx(250e-6)


class Nvml(ModuleType):
    """NVIDIA's library as `pynvml` shows it, with one board of which the counter is set by hand."""

    class NVMLError(Exception):
        pass

    millijoules = 5_000

    def nvmlInit(self):
        pass

    def nvmlDeviceGetHandleByIndex(self, index):
        if index != 0:
            raise self.NVMLError("no such board")
        return "board"

    def nvmlDeviceGetTotalEnergyConsumption(self, board):
        assert board == "board"
        return self.millijoules


def test_energy_of_a_gpu_is_that_of_its_board(monkeypatch):
    nvml = Nvml("pynvml")
    nvml.__spec__ = "there"
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    meter = energy.meter("gpu:0 (NVIDIA H100)")
    nvml.millijoules = 12_500

    assert meter.joules() == pytest.approx(7.5)
    assert energy.meter("gpu:1 (NVIDIA H100)").joules() is None
    assert isinstance(energy.meter("cpu (2 cores)"), Processors)
    assert isinstance(energy.meter(None), Processors)


def test_a_gpu_without_the_library_that_reads_it_tells_no_energy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert energy.meter("gpu:0 (NVIDIA H100)").joules() is None
