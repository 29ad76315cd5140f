"""What else the machine does meanwhile: the share of its cores that other processes take."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")


class Watch:
    """Counts the time that others have had on the cores since it was made.

    Args:
        stat: The kernel's counters, as Linux gives them.
    """

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._started = self._now()

    def foreign(self) -> float | None:
        """Share of all cores that other processes took; None where the system does not tell."""
        if self._started is None:
            return None
        now = self._now()
        assert now is not None
        wall, busy, own = (after - before for before, after in zip(self._started, now, strict=True))
        whole = wall * (os.cpu_count() or 1)
        return max(0.0, min(1.0, (busy - own) / whole)) if whole > 0 else 0.0

    def _now(self) -> tuple[float, float, float] | None:
        try:
            fields = self._stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        except OSError:
            return None
        user, nice, system, _, _, irq, softirq, steal = (int(field) for field in fields[:8])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), busy, sum(os.times()[:4])
