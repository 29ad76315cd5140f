"""What holds for the module of hooks: quick and silent to import, and every hook is known."""

from __future__ import annotations

from dataclasses import replace

from zoo.plugins import Hooks
from zoo.probe import probe
from zoo.testing.package import Package
from zoo.testing.subject import Skip

QUICK = 0.05
"""Seconds of processor time to import it in, what `zoo.api` loads not counted."""

TRIALS = 3
"""A busy machine makes one import slow, not three."""


def hooks_are_light(package: Package) -> None:
    """The module of hooks is imported in 50 ms, without Keras, output, network or files."""
    if not package.plugin.hooks:
        raise Skip("the manifest names no hooks")
    alone = replace(package.plugin, parts=())
    for _ in range(TRIALS):
        problems = probe([alone], quick=QUICK)
        if not problems:
            return
    raise AssertionError("; ".join(problem.reason for problem in problems))


def hooks_are_known(package: Package) -> None:
    """Every hook that the module implements is one of zoo's, with arguments that it has."""
    if not package.plugin.hooks:
        raise Skip("the manifest names no hooks")
    hooks = Hooks([package.plugin])
    hooks.load()
    assert not hooks.problems, hooks.problems[0].reason


CHECKS = (hooks_are_light, hooks_are_known)
