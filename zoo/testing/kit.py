"""The conformance kit: what every part of a kind must pass, run the same by everybody.

A check is a function of a `Subject`, one part, or of a `Package`, the plugin as a whole. Its name
says what must hold; it raises `AssertionError` with a sentence where it does not, and `Skip` where
it does not apply. The first line of its docstring is what the table shows.
"""

from __future__ import annotations

import difflib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zoo.discovery import Plugin
from zoo.errors import PluginError, ZooError
from zoo.part import KINDS, Part
from zoo.plugins import Hooks
from zoo.testing.package import Package
from zoo.testing.subject import Skip, Subject

KIT_VERSION = 1
"""Raised when a check is added or made harder; a badge names the version it was earned with."""

Level = Literal["static", "import", "build", "train", "export", "network"]
LEVELS: tuple[Level, ...] = ("static", "import", "build", "train", "export", "network")
DEFAULT_LEVELS: tuple[Level, ...] = LEVELS[:-1]

Outcome = Literal["passed", "failed", "expected", "unexpected", "skipped"]

MODELS = ("backbone", "head")
ONE_SIZE: tuple[Level, ...] = ("train", "export")
"""Levels that run on one size of each function, unless all sizes are asked for."""

# Level, kinds of subject, module of checks; in the order in which they run.
_TABLE: tuple[tuple[Level, tuple[str, ...], str], ...] = (
    ("static", ("plugin",), "packaging"),
    ("static", KINDS, "static"),
    ("import", ("plugin",), "hook_module"),
    ("import", KINDS, "imports"),
    ("build", ("plugin",), "hooks"),
    ("build", MODELS, "model"),
    ("build", MODELS, "options"),
    ("build", ("backbone",), "backbone"),
    ("build", ("backbone",), "shipped_weights"),
    ("build", ("head",), "head"),
    ("build", ("policy",), "policy"),
    ("build", ("interpreter",), "interpreter"),
    ("train", MODELS, "train"),
    ("export", ("plugin",), "exported"),
    ("export", MODELS, "export"),
    ("network", ("backbone",), "network"),
)


@dataclass(frozen=True)
class Case:
    """One check of one part, or of the plugin as a whole.

    Args:
        subject: The part or the plugin.
        level: How much the check does: static reads, import imports, build assembles ...
        check: The function.
        left_out: Why it is not run, empty where it is.
    """

    subject: Subject | Package
    level: Level
    check: Callable[[Any], None]
    left_out: str = ""

    @property
    def id(self) -> str:
        """The name that an expected failure is declared by: `head/acme/gem::is_flat`."""
        return f"{self.subject.name}::{self.check.__name__}"

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
    """All results of a plugin.

    Args:
        plugin: The plugin.
        results: What came out, in the order in which the checks ran.
        faults: What is wrong before any check: problems of the manifest, stray declarations.
        levels: The levels that were asked for.
        pattern: What the ids of the checks were to hold, or empty for all.
    """

    plugin: Plugin
    results: tuple[Result, ...]
    faults: tuple[str, ...]
    levels: tuple[Level, ...]
    pattern: str = ""

    @property
    def failed(self) -> bool:
        """Whether anything does not conform."""
        return bool(self.faults) or any(result.failed for result in self.results)

    @property
    def badge(self) -> str:
        """One line to put into a README; it says so if only a selection was run."""
        counted = [result for result in self.results if result.outcome != "skipped"]
        passed = sum(result.outcome == "passed" for result in counted)
        text = (
            f"zoo conformance kit {KIT_VERSION}: {self.plugin.name} ({self.plugin.origin}): "
            f"{passed} of {len(counted)} checks passed"
        )
        if expected := sum(result.outcome == "expected" for result in counted):
            text += f", {expected} declared"
        if self.faults:
            text += f", {_count(len(self.faults), 'fault')}"
        if set(self.levels) < set(DEFAULT_LEVELS):
            text += f"; only {', '.join(self.levels)}"
        if self.pattern:
            text += f"; only {self.pattern!r}"
        if any(result.case.left_out for result in self.results):
            text += "; one size of each trained and exported"
        return text


def cases(
    plugin: Plugin,
    levels: Sequence[Level] = DEFAULT_LEVELS,
    pattern: str = "",
    *,
    every_size: bool = False,
) -> list[Case]:
    """Every check that applies to a plugin and its parts, part by part.

    Args:
        plugin: From discovery; it must be ready.
        levels: Which levels to run.
        pattern: Only cases whose id holds this text.
        every_size: Leave out no case of a part that is another size of one that is tried.
    """
    if plugin.state != "ready":
        return []
    subjects: list[Subject | Package] = [Package(plugin)]
    subjects += [Subject(part, plugin) for part in (*plugin.parts, *_computed(plugin))]
    return [
        case
        for subject in subjects
        for level, check in _checks(levels, subject.kind)
        for case in [Case(subject, level, check, "" if every_size else _spared(subject, level))]
        if pattern in case.id
    ]


def check_names(plugin: Plugin, xfail: Mapping[str, str]) -> list[str]:
    """Sentences on the declared failures that name no check of a plugin.

    Args:
        plugin: From discovery.
        xfail: Ids of checks, with the reason.
    """
    if not xfail:  # finding out what there is imports every module of checks, and with it Keras
        return []
    known = [case.id for case in cases(plugin, LEVELS)]
    sentences = []
    for name in sorted(xfail.keys() - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        sentences.append(f"xfail names {name!r}, which is no check of {plugin.name}{hint}")
    return sentences


def run(case: Case, xfail: Mapping[str, str] | None = None) -> Result:
    """Run one case.

    Args:
        case: The case.
        xfail: Ids of cases that are known to fail, with the reason. One that passes all the same
            is a failure: the declaration has to go.
    """
    if case.left_out:
        return Result(case, "skipped", case.left_out)
    reason = (xfail or {}).get(case.id)
    start = time.perf_counter()
    try:
        case.check(case.subject)
    except Skip as skip:
        return Result(case, "skipped", str(skip), time.perf_counter() - start)
    except (AssertionError, ZooError) as error:
        message = str(error).strip() or "an assertion failed without a word"
    # Whatever a stranger's function does; Ctrl-C alone goes through.
    except (Exception, SystemExit) as error:
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
    *,
    every_size: bool = False,
) -> Report:
    """Run every check that applies to a plugin.

    Args:
        plugin: From discovery.
        levels: Which levels to run.
        pattern: Only cases whose id holds this text.
        xfail: Ids of cases that are known to fail, with the reason, beside those that the
            manifest declares under `[xfail]`.
        watch: Called with each result as it comes.
        every_size: Train and export parts that are other sizes of one that is, too.

    Returns:
        The report. Problems of the manifest, and declared failures of cases that do not exist,
        are its faults.

    Raises:
        PluginError: No check's id holds the pattern.
    """
    faults = [f"{each.reason}; {each.remedy}" for each in plugin.problems]
    if plugin.state != "ready" and not faults:
        faults.append(f"the plugin is {plugin.state}: {plugin.reason}")
    declared = {**plugin.xfail, **(xfail or {})}
    faults += check_names(plugin, declared)
    chosen = cases(plugin, levels, pattern, every_size=every_size)
    if pattern and not chosen and plugin.state == "ready":
        raise PluginError(
            f"no check of {plugin.name} holds {pattern!r} in its name",
            "names are such as head/acme/gem::is_flat; leave --only out to see all",
        )
    results = []
    for case in chosen:
        results.append(run(case, declared))
        watch(results[-1])
    return Report(plugin, tuple(results), tuple(faults), tuple(levels), pattern)


def _spared(subject: Subject | Package, level: Level) -> str:
    """Why a level does not run on a part: its function is trained and exported at another size."""
    if level in ONE_SIZE and isinstance(subject, Subject) and subject.part.size_of:
        return f"another size of {subject.part.size_of}, which is trained and exported"
    return ""


def _computed(plugin: Plugin) -> Iterator[Part]:
    """Parts that the hook module gives at run time; what is wrong there is a check of its own."""
    if plugin.computes:
        hooks = Hooks([plugin])
        for kind in plugin.computes:
            yield from hooks.computed(kind)


def _checks(levels: Sequence[Level], kind: str) -> Iterator[tuple[Level, Callable[[Any], None]]]:
    for level, kinds, module in _TABLE:
        if level in levels and kind in kinds:
            for check in importlib.import_module(f"zoo.testing.checks.{module}").CHECKS:
                yield level, check


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"
