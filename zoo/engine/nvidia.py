"""What the driver tells of NVIDIA GPUs: a clock that is held down explains many a figure."""

from __future__ import annotations

import shutil
import subprocess

FIELDS = (
    "name", "driver_version", "memory.total", "clocks.sm", "clocks.max.sm", "power.limit",
    "mig.mode.current", "temperature.gpu", "clocks_throttle_reasons.active",
)  # fmt: skip


def gpu_state() -> list[dict[str, str]] | None:
    """Facts of each GPU by field of nvidia-smi, and the `processes` on it; None without driver."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return None
    try:
        gpus = _asked(smi, f"--query-gpu=uuid,{','.join(FIELDS)}")
        processes = _asked(smi, "--query-compute-apps=gpu_uuid,pid")
    except (OSError, subprocess.SubprocessError):
        return None
    return [
        dict(zip(FIELDS, facts, strict=True))
        | {"processes": str(sum(row[0] == uuid for row in processes))}
        for uuid, *facts in gpus
    ]


def _asked(smi: str, query: str) -> list[list[str]]:
    told = subprocess.run(
        [smi, query, "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return [[cell.strip() for cell in line.split(",")] for line in told.stdout.splitlines() if line]
