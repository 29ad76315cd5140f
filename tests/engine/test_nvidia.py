from __future__ import annotations

import shutil

from zoo.engine.nvidia import FIELDS, gpu_state

DRIVER = """#!/bin/sh
case "$1" in
  --query-gpu=uuid,*)
    echo "GPU-1, NVIDIA H200, 570.1, 143771 MiB, 1980 MHz, 1980 MHz, 700 W, Disabled, 41, 0x0"
    echo "GPU-2, NVIDIA H200, 570.1, 143771 MiB, 345 MHz, 1980 MHz, 700 W, Disabled, 30, 0x1";;
  *) echo "GPU-2, 4711"; echo "GPU-2, 4712";;
esac
"""


def test_each_gpu_has_its_facts_and_the_processes_on_it(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text(DRIVER)
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    first, second = gpu_state()

    assert set(first) == {*FIELDS, "processes"}
    assert (first["name"], first["clocks.sm"], first["processes"]) == (
        "NVIDIA H200", "1980 MHz", "0",
    )  # fmt: skip
    assert second["processes"] == "2"


def test_without_a_driver_nothing_is_told(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert gpu_state() is None


def test_a_driver_that_fails_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert gpu_state() is None
