"""What zoo runs in: versions, requirements, cache and accelerators, loading none of them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.index import cache_folder

PACKAGES = ("keras", "tensorflow", "numpy", "onnx", "tf2onnx", "onnxruntime", "pydantic", "pluggy")
TIMEOUT = 120.0
"""Seconds that TensorFlow may take to start."""

DRIVER = Path("/proc/driver/nvidia/gpus")
"""Where NVIDIA's driver lists what it drives."""

_ASK = """
import json
from zoo.engine import machine, runtime
runtime.start()
print(json.dumps([gpu["name"] for gpu in machine.facts()["gpus"]]))
"""


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The version of each package, or that it is not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def versions() -> dict[str, str]:
    """Versions of zoo, Python and what a model runs on."""
    return {
        "zoo": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "processors": str(os.cpu_count()),
        "environment": sys.prefix,
        **installed(PACKAGES),
    }


def cache() -> dict[str, Any]:
    """Where the cache is, and how much it holds."""
    folder = cache_folder()
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return {"path": str(folder), "files": len(sizes), "bytes": sum(sizes)}


def unmet(distribution: str) -> Iterator[tuple[str, str]]:
    """What a distribution requires and this environment has not.

    Args:
        distribution: Its name; one that is not installed or says nothing requires nothing.

    Yields:
        What is wrong, and the requirement to install.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        texts = metadata.distribution(distribution).requires or ()
    except metadata.PackageNotFoundError:
        return
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{wanted} is not installed", wanted
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{wanted} is needed, {version} is installed", wanted


@dataclass(frozen=True)
class Accelerators:
    """What TensorFlow can calculate on beside the processor.

    Args:
        names: Of each GPU; None where TensorFlow does not start.
        fault: Why it does not, or empty.
    """

    names: list[str] | None
    fault: str = ""

    @property
    def idle(self) -> bool:
        """Whether the machine has a GPU that TensorFlow does not see, though nobody hid it."""
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1")
        return self.names == [] and not hidden and DRIVER.is_dir() and any(DRIVER.iterdir())


def accelerators(timeout: float = TIMEOUT) -> Accelerators:
    """Ask TensorFlow for its devices, in a process of its own.

    Args:
        timeout: Seconds that it may take.
    """
    try:
        # Without -P a folder called zoo, where the user stands, would be taken for this one.
        child = subprocess.run(
            [sys.executable, "-P", "-c", _ASK],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Accelerators(None, f"it takes more than {timeout:g} s")
    if child.returncode != 0:
        words = child.stderr.strip().splitlines() or [f"exit status {child.returncode}"]
        return Accelerators(None, words[-1][:200])
    return Accelerators(json.loads(child.stdout.splitlines()[-1]))
