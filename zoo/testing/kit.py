"""The conformance kit: what every part of a kind must pass, run the same by everybody.

A check is a function of a `Subject` whose name says what must hold; it raises `AssertionError`
with a sentence where it does not, and `Skip` where it does not apply. The first line of its
docstring is what the table shows.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from zoo.discovery import Plugin
from zoo.errors import ZooError
from zoo.testing.subject import Skip, Subject

KIT_VERSION = 1
"""Raised when a check is added or made harder; a badge names the version it was earned with."""

Level = Literal["static", "import", "build", "train", "export", "network"]
LEVELS: tuple[Level, ...] = ("static", "import", "build", "train", "export", "network")
DEFAULT_LEVELS: tuple[Level, ...] = LEVELS[:-1]

Outcome = Literal["passed", "failed", "expected", "unexpected", "skipped"]

_MODULES: Mapping[tuple[Level, str], tuple[str, ...]] = {
    ("static", "any"): ("zoo.testing.checks.static",),
    ("import", "any"): ("zoo.testing.checks.imports",),
    ("build", "backbone"): ("zoo.testing.checks.model", "zoo.testing.checks.backbone"),
    ("build", "head"): ("zoo.testing.checks.model", "zoo.testing.checks.head"),
    ("build", "policy"): ("zoo.testing.checks.policy",),
    ("build", "interpreter"): ("zoo.testing.checks.interpreter",),
    ("train", "backbone"): ("zoo.testing.checks.train",),
    ("train", "head"): ("zoo.testing.checks.train",),
    ("export", "backbone"): ("zoo.testing.checks.export",),
    ("export", "head"): ("zoo.testing.checks.export",),
    ("network", "backbone"): ("zoo.testing.checks.network",),
}


@dataclass(frozen=True)
class Case:
    """One check of one part.

    Args:
        subject: The part.
        level: How much the check does: static reads, import imports, build assembles ...
        check: The function.
    """

    subject: Subject
    level: Level
    check: Callable[[Subject], None]

    @property
    def id(self) -> str:
        """The name that an expected failure is declared by: `head/dense-bn::flat`."""
        return f"{self.subject.part.kind}/{self.subject.part.id}::{self.check.__name__}"

    @property
    def summary(self) -> str:
        """What must hold."""
        return (self.check.__doc__ or "").strip().splitlines()[0]


@dataclass(frozen=True)
class Result:
    """What came out of a case."""

    case: Case
    outcome: Outcome
    message: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the part does not conform, or passes where a failure was declared."""
        return self.outcome in ("failed", "unexpected")


@dataclass(frozen=True)
class Report:
    """All results of a plugin."""

    plugin: Plugin
    results: tuple[Result, ...]
    faults: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> bool:
        """Whether anything does not conform."""
        return bool(self.faults) or any(result.failed for result in self.results)

    @property
    def badge(self) -> str:
        """One line to put into a README."""
        counted = [result for result in self.results if result.outcome != "skipped"]
        passed = sum(result.outcome == "passed" for result in counted)
        expected = sum(result.outcome == "expected" for result in counted)
        more = f", {expected} declared" if expected else ""
        return (
            f"zoo conformance kit {KIT_VERSION}: {self.plugin.origin}: "
            f"{passed} of {len(counted)} checks passed{more}"
        )


def cases(
    plugin: Plugin, levels: Sequence[Level] = DEFAULT_LEVELS, pattern: str = ""
) -> list[Case]:
    """Every check that applies to the parts of a plugin.

    Args:
        plugin: From discovery; it must be ready.
        levels: Which levels to run.
        pattern: Only cases whose id holds this text.
    """
    found = []
    for part in plugin.parts:
        subject = Subject(part, plugin)
        for level in levels:
            for check in _checks(level, part.kind):
                case = Case(subject, level, check)
                if pattern in case.id:
                    found.append(case)
    return found


def run(case: Case, xfail: Mapping[str, str] | None = None) -> Result:
    """Run one case.

    Args:
        case: The case.
        xfail: Ids of cases that are known to fail, with the reason. One that passes all the same
            is a failure: the declaration has to go.
    """
    reason = (xfail or {}).get(case.id)
    start = time.perf_counter()
    try:
        case.check(case.subject)
    except Skip as skip:
        return Result(case, "skipped", str(skip), time.perf_counter() - start)
    except (AssertionError, ZooError) as error:
        message = str(error).strip() or "an assertion failed without a word"
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
    else:
        seconds = time.perf_counter() - start
        if reason is not None:
            return Result(case, "unexpected", f"passes, though declared: {reason}", seconds)
        return Result(case, "passed", "", seconds)
    seconds = time.perf_counter() - start
    if reason is not None:
        return Result(case, "expected", reason, seconds)
    return Result(case, "failed", message, seconds)


def run_all(
    plugin: Plugin,
    levels: Sequence[Level] = DEFAULT_LEVELS,
    pattern: str = "",
    xfail: Mapping[str, str] | None = None,
    watch: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Run every check that applies to a plugin.

    Args:
        plugin: From discovery.
        levels: Which levels to run.
        pattern: Only cases whose id holds this text.
        xfail: Ids of cases that are known to fail, with the reason.
        watch: Called with each result as it comes.

    Returns:
        The report. Problems of the manifest, and declared failures of cases that do not exist,
        are its faults.
    """
    faults = [f"{each.reason}; {each.remedy}" for each in plugin.problems]
    if plugin.state != "ready" and not faults:
        faults.append(f"the plugin is {plugin.state}: {plugin.reason}")
    known = {case.id for case in cases(plugin, LEVELS)}
    faults += [
        f"xfail names {name!r}, which is no check" for name in (xfail or {}) if name not in known
    ]
    results = []
    for case in cases(plugin, levels, pattern):
        results.append(run(case, xfail))
        watch(results[-1])
    return Report(plugin, tuple(results), tuple(faults))


def _checks(level: Level, kind: str) -> Iterator[Callable[[Subject], None]]:
    for key in ((level, "any"), (level, kind)):
        for name in _MODULES.get(key, ()):
            yield from importlib.import_module(name).CHECKS
