"""Ask each plugin for its own checks, in a process of its own that it may hang or end."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from zoo.discovery import Plugin, Problem
from zoo.plugins import Hooks

TIMEOUT = 30.0
"""Seconds one plugin may take before its process is ended."""

HOOK = "zoo_doctor_checks"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: What.
        ok: Whether it is well.
        advice: What to do if not.
        plugin: Who looked, or empty for zoo itself.
    """

    name: str
    ok: bool
    advice: str
    plugin: str = ""


def examine(
    plugins: Iterable[Plugin], timeout: float | None = None
) -> tuple[list[Check], list[Problem]]:
    """Verify the hooks of plugins and run the checks that they bring for `zoo doctor`.

    Args:
        plugins: Those to ask; what is refused, broken or without hooks is left alone.
        timeout: Seconds that one may take, by default `$ZOO_PROBE_TIMEOUT` or 30.

    Returns:
        Their checks, and a problem for each plugin whose hooks cannot be used.
    """
    limit = timeout or float(os.environ.get("ZOO_PROBE_TIMEOUT", TIMEOUT))
    asked = [plugin for plugin in plugins if plugin.state == "ready" and plugin.hooks]
    # A thread each waits for its process, so that one that hangs does not hold up the others.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        answers = list(threads.map(lambda plugin: _answer(plugin, limit), asked))
    checks = [check for found, _ in answers for check in found]
    return checks, [problem for _, problems in answers for problem in problems]


def _answer(plugin: Plugin, timeout: float) -> tuple[list[Check], list[Problem]]:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_ask, args=(replace(plugin, parts=()), sender), daemon=True
    )
    process.start()
    sender.close()
    try:
        if receiver.poll(timeout):
            answer: tuple[list[Check], list[Problem]] = receiver.recv()
            return answer
        fault = f"takes more than {timeout:g} s"
    except EOFError:
        process.join()
        fault = f"ends the process (exit status {process.exitcode})"
    finally:
        process.kill()
        process.join()
        receiver.close()
    remedy = f"report it to the authors, or switch it off: ZOO_DISABLE={plugin.name}"
    return [], [Problem(plugin.name, plugin.origin, f"{HOOK} of {plugin.hooks} {fault}", remedy)]


def _ask(plugin: Plugin, sender: Connection) -> None:
    """In the process: import the hooks, call the one, send what came of it."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    os.environ["ZOO_STRICT"] = "0"  # what is wrong is told by the parent
    hooks = Hooks([plugin])
    checks = [
        Check(name, ok, advice, plugin.name)
        for _, results in hooks.call(HOOK)
        for name, ok, advice in results
    ]
    sender.send((checks, hooks.problems))
    sender.close()
    os._exit(0)  # threads that the plugin left running do not hold us
