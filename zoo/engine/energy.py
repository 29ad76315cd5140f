"""The energy that a processor took, where it tells: the counters of RAPL under Linux."""

from __future__ import annotations

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class Meter:
    """Reads the energy of all processor packages since it was made.

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
