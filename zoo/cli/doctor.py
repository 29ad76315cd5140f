"""`zoo doctor`: what is installed, what is wrong with it, and what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from zoo import __version__, environment
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.discovery import Problem
from zoo.environment import Accelerators
from zoo.errors import HealthFailure
from zoo.examine import Check, examine
from zoo.index import Index, cache_folder
from zoo.probe import probe
from zoo.registry import Registry


@click.command("doctor", cls=Command)
@click.option("--static", is_flag=True, help="Read files only: import no plugin, run no check.")
def command(static: bool) -> None:
    """Find what is wrong with the installation or a plugin; exit with 1 if anything is."""
    registry = load_registry()
    problems = [*registry.problems, *_unmet(registry)]
    checks = [_requirements(), _cache(), _index()]
    accelerators = None
    if not static:
        found = probe(registry.plugins)
        # What a module did wrong when it was imported is told already.
        faulty = {problem.plugin for problem in found}
        asked = [plugin for plugin in registry.plugins if plugin.name not in faulty]
        theirs, faults = examine(asked)
        accelerators = environment.accelerators()
        problems += [*found, *faults]
        checks += [*_calculating(accelerators), *theirs]
    facts = {
        "environment": environment.versions(),
        "cache": environment.cache(),
        "accelerators": accelerators.names if accelerators else None,
        "plugins": [
            {"plugin": each.name, "origin": each.origin, "state": each.state, "reason": each.reason}
            for each in registry.plugins
        ],
        "checks": [
            {"check": each.name, "ok": each.ok, "advice": each.advice, "plugin": each.plugin}
            for each in checks
        ],
        "problems": [asdict(problem) for problem in problems],
    }
    show.document(facts, _render)
    count = len(problems) + sum(not check.ok for check in checks)
    if count:
        raise HealthFailure(f"{count} problem{'s' if count > 1 else ''} found")


def _requirements() -> Check:
    faults = list(environment.unmet("keras-zoo"))
    words = " ".join(f"'{wanted}'" for _, wanted in faults)
    reasons = "; ".join(reason for reason, _ in faults)
    return Check(
        f"what keras-zoo {__version__} requires is installed",
        not faults,
        f"{reasons}: pip install {words}",
    )


def _unmet(registry: Registry) -> Iterator[Problem]:
    """What plugins require and is not there; what zoo itself requires is a check of its own."""
    for plugin in registry.plugins:
        if plugin.distribution != "keras-zoo" and plugin.state == "ready":
            for reason, wanted in environment.unmet(plugin.distribution):
                yield Problem(plugin.name, plugin.origin, reason, f"pip install '{wanted}'")


def _cache() -> Check:
    folder = cache_folder()
    there = next((up for up in (folder, *folder.parents) if up.exists()), folder)
    return Check(
        "cache folder can be written",
        there.is_dir() and os.access(there, os.W_OK),
        f"make {there} a folder that you can write to, or point ZOO_CACHE at one of yours",
    )


def _index() -> Check:
    index = Index(__version__)
    stale = index.stale()
    return Check(
        "index of manifests is fresh",
        not stale,
        f"{', '.join(stale)} changed since, and {index.path} cannot be replaced: delete it",
    )


def _calculating(accelerators: Accelerators) -> Iterator[Check]:
    yield Check(
        "TensorFlow starts",
        accelerators.names is not None,
        f"{accelerators.fault}; reinstall it, or run zoo build small-cnn+linear --verbose",
    )
    if accelerators.idle:
        yield Check(
            "TensorFlow sees the GPU", False, "pip install 'keras-zoo[gpu]' brings CUDA's libraries"
        )


def _render(facts: dict[str, Any]) -> str:
    cache = facts["cache"]
    pairs = facts["environment"] | {
        "cache": f"{cache['path']} ({cache['files']} files, {cache['bytes'] / 1e6:.1f} MB)"
    }
    if facts["accelerators"] is not None:
        pairs["accelerators"] = ", ".join(facts["accelerators"]) or "none"
    blocks = [show.pairs(pairs)]
    rows = [(row["plugin"], row["origin"], row["state"], row["reason"]) for row in facts["plugins"]]
    blocks.append(show.table(rows, ("plugin", "from", "state", "reason")))
    lines = []
    for row in facts["checks"]:
        name = row["check"] + (f" ({row['plugin']})" if row["plugin"] else "")
        lines.append(f"ok    {name}" if row["ok"] else f"FAIL  {name}: {row['advice']}")
    blocks.append("\n".join(lines))
    blocks += [
        f"{row['plugin']} ({row['origin']}): {row['reason']}\n  remedy: {row['remedy']}"
        for row in facts["problems"]
    ]
    return "\n\n".join(blocks)
