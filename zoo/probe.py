"""Import every plugin's modules in a child process, and tell what each one did there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.discovery import Plugin, Problem

TIMEOUT = 120.0
"""Seconds one child may take; a first import of TensorFlow on a slow disk takes twenty."""


def probe(plugins: Iterable[Plugin], timeout: float = TIMEOUT) -> list[Problem]:
    """Import the hook and target modules of plugins where they can do no harm.

    Args:
        plugins: Those to import; what is refused or broken is left alone.
        timeout: Seconds that one child process may take.

    Returns:
        A problem for each module that raised, exited, killed its process, hung or printed.
    """
    waiting: list[dict[str, Any]] = [
        {"plugin": plugin.name, "module": module, "functions": sorted(functions)}
        for plugin in plugins
        if plugin.state == "ready"
        for module, functions in _modules(plugin).items()
    ]
    owners = {plugin.name: plugin for plugin in plugins}
    problems = []
    while waiting:
        reports, ending = _run(waiting, timeout)
        problems += [
            _problem(owners[job["plugin"]], job["module"], fault)
            for job, faults in zip(waiting, reports, strict=False)
            for fault in faults
        ]
        done = len(reports)
        if done < len(waiting):
            # The process ended in the middle: the module it was at is the culprit, and the rest
            # are imported by the next child.
            job = waiting[done]
            problems.append(_problem(owners[job["plugin"]], job["module"], ending))
            done += 1
        waiting = waiting[done:]
    return problems


def _modules(plugin: Plugin) -> dict[str, set[str]]:
    modules: dict[str, set[str]] = {plugin.hooks: set()} if plugin.hooks else {}
    for part in plugin.parts:
        module, function = part.target.split(":")
        modules.setdefault(module, set()).add(function)
    return modules


def _run(jobs: list[dict[str, Any]], timeout: float) -> tuple[list[list[str]], str]:
    """One child over many modules: what each did, and how the child ended if it was too early."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        report.touch()
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        try:
            child = subprocess.run(
                [sys.executable, "-m", "zoo.probe", str(report)],
                input=json.dumps(jobs).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=timeout,
                check=False,
            )
            ending = f"ends the process when imported (exit status {child.returncode})"
        except subprocess.TimeoutExpired:
            ending = f"takes more than {timeout:g} s to import"
        lines = report.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("]")], ending


def _problem(plugin: Plugin, module: str, fault: str) -> Problem:
    remedy = f"report it to the authors, or switch it off: ZOO_DISABLE={plugin.name}"
    return Problem(plugin.name, plugin.origin, f"{module} {fault}", remedy)


def _import_all(report: Path) -> None:
    """The child: import module after module, and write a line after each."""
    import importlib

    jobs = json.load(sys.stdin)
    with tempfile.TemporaryFile() as printed, report.open("a", encoding="utf-8") as lines:
        # At the level of the file descriptor, so that print, os.write and C code are all caught.
        os.dup2(printed.fileno(), 1)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        for job in jobs:
            before = os.fstat(printed.fileno()).st_size
            faults = []
            try:
                module = importlib.import_module(job["module"])
                faults += [
                    f"has no function {name}"
                    for name in job["functions"]
                    if not callable(getattr(module, name, None))
                ]
            except (Exception, SystemExit) as error:
                text = (str(error).strip() or "no message").splitlines()[0][:200]
                faults.append(f"raises {type(error).__name__} when imported: {text}")
            sys.stdout.flush()
            if os.fstat(printed.fileno()).st_size > before:
                faults.append("prints when imported")
            lines.write(json.dumps(faults) + "\n")
            lines.flush()


if __name__ == "__main__":
    _import_all(Path(sys.argv[1]))
