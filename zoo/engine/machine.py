"""What a measurement ran on: without it a figure means nothing to anybody else."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.engine import runtime

PACKAGES = ("keras-zoo", "tensorflow", "keras", "numpy", "onnx", "onnxruntime", "tf2onnx")


def facts() -> dict[str, Any]:
    """CPU, memory, GPUs and versions of this machine, as plain JSON values.

    Returns:
        `cpu`, `cores` (of the machine), `usable_cores` (that this process may use),
        `memory_bytes`, `gpus`, `system`, `python` and `packages` (name to version). What the
        system does not tell is None; so are the GPUs while TensorFlow is not imported.
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "usable_cores": runtime.cores(),
        "memory_bytes": _memory(),
        "gpus": _gpus(),
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
