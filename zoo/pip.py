"""pip of this environment, run in a process of its own: what it says goes to stderr."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from zoo.errors import Failure, PluginError

STDERR = 2
"""pip's own words are no result of ours, and stdout is for results."""


def install(packages: Sequence[str]) -> list[str]:
    """Install packages.

    Args:
        packages: What pip takes: names with versions, files, folders, addresses. None is read as
            an option.

    Returns:
        Names of the distributions that were installed anew, dependencies included.

    Raises:
        PluginError: There is no pip in this environment.
        Failure: pip could not install them.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _run(["install", "--report", str(report), "--", *packages])
        rows = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [row["metadata"]["name"] for row in rows]


def uninstall(distribution: str) -> None:
    """Uninstall a distribution.

    Args:
        distribution: Its name.

    Raises:
        PluginError: There is no pip in this environment.
        Failure: pip could not uninstall it.
    """
    _run(["uninstall", "--yes", "--", distribution])


def _run(words: list[str]) -> None:
    if find_spec("pip") is None:
        raise PluginError(
            f"there is no pip in {sys.prefix}",
            f"{sys.executable} -m ensurepip brings it; or use what made the environment",
        )
    sys.stderr.flush()
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check"]
    child = subprocess.run([*command, *words], stdout=STDERR, check=False)
    if child.returncode != 0:
        raise Failure(
            f"pip could not {words[0]} {' '.join(words[words.index('--') + 1 :])}",
            "its reason stands above",
        )
