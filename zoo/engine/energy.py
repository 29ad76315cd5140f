"""The energy that a device took, where it tells: RAPL's counters under Linux, NVML's of a GPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")


class Meter(Protocol):
    """Reads energy since it was made."""

    def joules(self) -> float | None:
        """Joules since then; None where the device or the system does not tell."""


def meter(device: str | None) -> Meter:
    """What reads the energy of a device.

    Args:
        device: As `runtime.start` shows it, such as `gpu:0 (NVIDIA H100)`; None for the processor.
    """
    name = (device or "").split(" ")[0]
    return Gpu(int(name.removeprefix("gpu:"))) if name.startswith("gpu:") else Processors()


class Processors:
    """The energy of all processor packages since it was made.

    Args:
        home: Where the kernel shows the counters.
    """

    def __init__(self, home: Path = POWERCAP) -> None:
        self._packages = sorted(home.glob("intel-rapl:?"))
        self._started = self._now()

    def joules(self) -> float | None:
        """Joules since then; None where the processor or the system does not tell."""
        now = self._now()
        if not self._started or not now:
            return None
        spent = 0
        for package, before, after in zip(self._packages, self._started, now, strict=True):
            # The counter begins anew at a range of its own.
            around = int((package / "max_energy_range_uj").read_text()) if after < before else 0
            spent += after - before + around
        return spent / 1e6

    def _now(self) -> list[int]:
        try:
            return [int((package / "energy_uj").read_text()) for package in self._packages]
        except (OSError, ValueError):  # only root may read them on many systems
            return []


class Gpu:
    """The energy of a whole NVIDIA board since it was made; needs nvidia-ml-py.

    Args:
        index: Of the GPU, as the driver counts.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self._started = self._now()

    def joules(self) -> float | None:
        """Joules since then; None where the driver does not tell, or nvidia-ml-py is missing."""
        now = self._now()
        return None if self._started is None or now is None else (now - self._started) / 1e3

    def _now(self) -> int | None:
        if importlib.util.find_spec("pynvml") is None:
            return None
        import pynvml

        try:
            pynvml.nvmlInit()
            board = pynvml.nvmlDeviceGetHandleByIndex(self._index)
            return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(board))
        except pynvml.NVMLError:
            return None
