"""`zoo doctor`: what is installed, what is wrong with it, and what to do."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import asdict
from importlib import metadata
from typing import Any

import click

from zoo import __version__
from zoo.cli import show
from zoo.cli.command import Command, load_registry
from zoo.errors import HealthFailure
from zoo.index import cache_folder
from zoo.probe import probe

PACKAGES = ("keras", "tensorflow", "numpy", "onnx", "tf2onnx", "onnxruntime", "pydantic", "pluggy")


@click.command("doctor", cls=Command)
@click.option("--static", is_flag=True, help="Read files only: import no plugin, run no check.")
def command(static: bool) -> None:
    """Find what is wrong with the installation or a plugin; exit with 1 if anything is."""
    registry = load_registry()
    problems = list(registry.problems)
    checks = [_cache_check()]
    if not static:
        problems += probe(registry.plugins)
        broken = {problem.plugin for problem in problems}
        for plugin, results in registry.hooks.call("zoo_doctor_checks"):
            checks += [(f"{name} ({plugin.name})", ok, text) for name, ok, text in results]
        known = {(problem.plugin, problem.reason) for problem in problems}
        problems += [
            each
            for each in registry.hooks.problems
            if (each.plugin, each.reason) not in known and each.plugin not in broken
        ]
    facts = {
        "environment": _environment(),
        "plugins": [
            {"plugin": each.name, "origin": each.origin, "state": each.state, "reason": each.reason}
            for each in registry.plugins
        ],
        "checks": [{"check": name, "ok": ok, "advice": text} for name, ok, text in checks],
        "problems": [asdict(problem) for problem in problems],
    }
    show.document(facts, _render)
    failed = [name for name, ok, _ in checks if not ok]
    if problems or failed:
        count = len(problems) + len(failed)
        raise HealthFailure(f"{count} problem{'s' if count > 1 else ''} found")


def _environment() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "zoo": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "processors": str(os.cpu_count()),
        "environment": sys.prefix,
        "cache": str(cache_folder()),
        **versions,
    }


def _cache_check() -> tuple[str, bool, str]:
    folder = cache_folder()
    there = next((up for up in (folder, *folder.parents) if up.exists()), folder)
    return (
        "cache folder can be written",
        os.access(there, os.W_OK),
        f"make {there} writable, or point ZOO_CACHE at a folder of yours",
    )


def _render(facts: dict[str, Any]) -> str:
    blocks = [show.pairs(facts["environment"])]
    blocks.append(
        show.table(
            [
                (row["plugin"], row["origin"], row["state"], row["reason"])
                for row in facts["plugins"]
            ],
            ("plugin", "from", "state", "reason"),
        )
    )
    blocks.append(
        "\n".join(
            f"ok    {row['check']}" if row["ok"] else f"FAIL  {row['check']}: {row['advice']}"
            for row in facts["checks"]
        )
    )
    blocks += [
        f"{row['plugin']} ({row['origin']}): {row['reason']}\n  remedy: {row['remedy']}"
        for row in facts["problems"]
    ]
    return "\n\n".join(blocks)
