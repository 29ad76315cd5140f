"""What a measurement ran on: without it a figure means nothing to anybody else."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.engine import runtime
from zoo.engine.nvidia import gpu_state

PACKAGES = (
    "keras-zoo", "tensorflow", "keras", "jax", "numpy", "onnx", "onnxruntime", "tf2onnx",
)  # fmt: skip
CGROUP = Path("/sys/fs/cgroup")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def facts() -> dict[str, Any]:
    """CPU, memory, GPUs and versions of this machine, as plain JSON values.

    Returns:
        `cpu`, `cores` (of the machine), `usable_cores` (that this process may use),
        `memory_bytes`, `gpus`, `gpu_state` (what nvidia-smi tells of each), `governor` (of the
        clock), `load` (of 1, 5 and 15 minutes), limits of the `container`, `revision` (commit of
        a working copy), `system`, `python` and `packages` (name to version). What the system does
        not tell is None; so are the GPUs while TensorFlow is not imported.
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "usable_cores": runtime.cores(),
        "memory_bytes": _memory(),
        "gpus": _gpus(),
        "gpu_state": gpu_state(),
        "governor": next(iter(_lines(GOVERNOR)), None),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "container": container(),
        "revision": _revision(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions(),
    }


def versions() -> dict[str, str]:
    """Version of each package that decides how fast and how exact a model runs."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def peak_memory() -> int | None:
    """Largest resident memory of this process so far, in bytes; None where it is not told."""
    status = Path("/proc/self/status")
    if status.is_file():
        # getrusage would begin with the size of the process that started this one.
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows has no such module.
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, others kibibytes.
    return peak if platform.system() == "Darwin" else peak * 1024


def forget_peak_memory() -> None:
    """Let `peak_memory` begin with what is resident now, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def available_memory() -> int | None:
    """Bytes that can still be had, by the machine and by the limit of a container."""
    found = [
        int(line.split()[1]) * 1024
        for line in _lines(Path("/proc/meminfo"))
        if line.startswith("MemAvailable:")
    ]
    limit, used = (_lines(CGROUP / name) for name in ("memory.max", "memory.current"))
    if limit and used and limit[0].isdigit():
        found.append(int(limit[0]) - int(used[0]))
    return min(found, default=None)


def container() -> dict[str, Any]:
    """Limits of the container: `cores` and `memory_bytes`, None where there is no limit."""
    quota = _lines(CGROUP / "cpu.max")
    memory = _lines(CGROUP / "memory.max")
    share, _, period = quota[0].partition(" ") if quota else ("max", "", "")
    return {
        "cores": int(share) / int(period) if share.isdigit() else None,
        "memory_bytes": int(memory[0]) if memory and memory[0].isdigit() else None,
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _revision() -> str | None:
    """The commit of the working copy that zoo runs from."""
    here = Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=here, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()


def _cpu() -> str | None:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return None


def _gpus() -> list[dict[str, str]] | None:
    # Importing TensorFlow to ask would take seconds, and start a device nobody chose.
    tf = sys.modules.get("tensorflow")
    if tf is None:
        return None
    gpus = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        gpus.append({"name": str(details.get("device_name", device.name))})
    return gpus
