"""Import every plugin's modules in processes of their own, and tell what each one did there."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from zoo.discovery import Plugin, Problem
from zoo.plugins import keras_settings

TIMEOUT = 30.0
"""Seconds one module may take before its process is ended."""

SLOW = 2.0
"""Seconds a module may take to import, Keras not counted."""

HEAVY = frozenset({"keras", "tensorflow", "jax", "torch"})


def probe(
    plugins: Iterable[Plugin], timeout: float | None = None, *, quick: float = SLOW
) -> list[Problem]:
    """Import the hook and target modules of plugins where they can do no harm.

    Args:
        plugins: Those to import; what is refused or broken is left alone.
        timeout: Seconds that one module may take, by default `$ZOO_PROBE_TIMEOUT` or 30.
        quick: Seconds of processor time that a hook module may take.

    Returns:
        A problem for each thing that a module did and should not: raise, exit, kill the process,
        hang, print, fork, use the network, change the working directory or Keras's settings, take
        long, or, in a hook module, load Keras, write a file or start a process.
    """
    timeout = timeout or float(os.environ.get("ZOO_PROBE_TIMEOUT", TIMEOUT))
    jobs = [
        (plugin, module, sorted(functions))
        for plugin in plugins
        if plugin.state == "ready"
        for module, functions in _modules(plugin).items()
    ]

    def run(job: tuple[Plugin, str, list[str]]) -> list[Problem]:
        plugin, module, functions = job
        budget = quick if module == plugin.hooks else None
        faults = _faults(module, functions, budget, timeout)
        remedy = f"report it to the authors, or switch it off: ZOO_DISABLE={plugin.name}"
        return [
            Problem(plugin.name, plugin.origin, f"{module} {fault}", remedy) for fault in faults
        ]

    # A thread each waits for its process, so that one that hangs does not hold up the others.
    with quiet(), ThreadPoolExecutor(os.cpu_count()) as threads:
        return [problem for problems in threads.map(run, jobs) for problem in problems]


def _modules(plugin: Plugin) -> dict[str, set[str]]:
    modules: dict[str, set[str]] = {plugin.hooks: set()} if plugin.hooks else {}
    for part in plugin.parts:
        module, function = part.target.split(":")
        modules.setdefault(module, set()).add(function)
    return modules


def _faults(module: str, functions: list[str], budget: float | None, timeout: float) -> list[str]:
    """What a module does wrong; a hook module has a budget of seconds, the others none."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process: Any = context(fresh=budget is not None).Process(
        target=_import, args=(module, functions, budget, sender), daemon=True
    )
    process.start()
    sender.close()
    try:
        receiver.recv()  # sent when Keras is loaded, whose seconds are not the module's
        if not receiver.poll(timeout):
            return [f"takes more than {timeout:g} s to import"]
        faults: list[str] = receiver.recv()
        return faults
    except EOFError:
        process.join()
        return [f"ends the process when imported (exit status {process.exitcode})"]
    finally:
        process.kill()
        process.join()
        receiver.close()


def context(*, fresh: bool = False) -> Any:
    """Where processes come from: a fresh interpreter, or a fork of one that has loaded Keras."""
    if fresh or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["keras"])
    return forks


@contextmanager
def quiet() -> Iterator[None]:
    """What the processes inherit: no accelerator, and a standard error that leads nowhere.

    TensorFlow's first messages are written before any setting of it is read.
    """
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    sys.stderr.flush()
    screen = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _import(name: str, functions: list[str], budget: float | None, sender: Connection) -> None:
    """In the process: import one module and send what it did."""
    is_hook = budget is not None
    home, pid, forks = Path.cwd(), os.getpid(), []
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_parent=lambda: forks.append(1))
    # So that their seconds are not counted as the module's.
    importlib.import_module("zoo.api" if is_hook else "keras")
    before, settings = set(sys.modules), keras_settings()
    with tempfile.TemporaryFile() as printed:
        # At the level of the file descriptor, so that print, os.write and C code are all caught.
        os.dup2(printed.fileno(), 1)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sender.send("ready")
        deeds = _watch(is_hook)
        start, worked = time.perf_counter(), time.process_time()
        faults = list(_run(name, functions))
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        faults += sorted(deeds)
        if os.getpid() != pid:
            os._exit(0)  # the copy that the module forked: it has nothing to say
        sys.stdout.flush()
        if os.fstat(printed.fileno()).st_size:
            faults.append("prints when imported")
    if forks:
        faults.append("forks the process when imported")
    if Path.cwd() != home:
        faults.append("changes the working directory when imported")
    if settings and keras_settings() != settings:
        faults.append("changes the global settings of Keras when imported")
    if is_hook and (loaded := HEAVY & (sys.modules.keys() - before)):
        faults.append(f"loads {' and '.join(sorted(loaded))} when imported, a hook module may not")
    elif seconds > SLOW:
        faults.append(f"takes {seconds:.1f} s to import")
    elif budget is not None and worked > budget:
        faults.append(f"takes {worked:.2f} s of work to import, a hook module may take {budget:g}")
    sender.send(faults)
    sender.close()
    os._exit(0)  # threads that the module left running do not hold us


def _watch(is_hook: bool) -> set[str]:
    """Fills itself with what is done from now on that an import should not do."""
    deeds = set()

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo"):
            deeds.add("uses the network when imported")
        elif is_hook and event in ("subprocess.Popen", "os.system", "os.posix_spawn"):
            deeds.add("starts a process when imported")
        elif is_hook and event == "open":
            path, mode, flags = arguments
            writes = set(mode or "") & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR)
            # Python's own caches of compiled modules are nobody's deed.
            if writes and "__pycache__" not in str(path):
                deeds.add(f"writes {path} when imported")

    sys.addaudithook(audit)
    return deeds


def _run(name: str, functions: list[str]) -> Iterator[str]:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        text = (str(error).strip() or "no message").splitlines()[0][:200]
        yield f"raises {type(error).__name__} when imported: {text}"
        return
    for function in functions:
        if not callable(getattr(module, function, None)):
            yield f"has no function {function}"
