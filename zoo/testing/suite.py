"""The kit as a class of pytest tests, one test a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.errors import PluginError
from zoo.registry import load
from zoo.testing import kit
from zoo.testing.kit import Case, Level

if TYPE_CHECKING:
    import pytest


def suite(
    plugin: str,
    *,
    levels: Sequence[Level] = kit.DEFAULT_LEVELS,
    xfail: Mapping[str, str] | None = None,
    marks: Callable[[Case], Sequence[pytest.MarkDecorator]] = lambda case: (),
    every_size: bool = False,
) -> type:
    """Make a test class that runs the kit on an installed plugin.

        TestAcme = suite("zoo-acme")

    Args:
        plugin: Name of the distribution or of the entry point.
        levels: Which levels to run; `network`, which downloads weights, is left out by default.
        xfail: Ids of checks that are known to fail, with the reason, beside those that the
            manifest declares under `[xfail]`. One that passes all the same fails the test, so
            that the declaration is taken away.
        marks: What pytest is to mark a check with, such as `pytest.mark.slow`.
        every_size: Train and export every part. By default those are skipped that the manifest
            declares, by `size-of`, to be another size of one that is trained and exported.

    Returns:
        A class for a module of tests; its name there has to begin with `Test`.

    Raises:
        ImportError: pytest is not installed.
        PluginError: The plugin is not installed, or a declared failure names no check.
    """
    try:
        import pytest
    except ImportError as error:
        raise ImportError("the kit runs on pytest: pip install 'keras-zoo[testing]'") from error

    found = load().plugin(plugin)
    declared = {**found.xfail, **(xfail or {})}
    if stray := kit.check_names(found, declared):
        raise PluginError("; ".join(stray), "take the declaration away, or correct the name")

    cases = kit.cases(found, levels, every_size=every_size)

    class Conformance:
        """What the plugin and every part of it must pass."""

        def test_manifest(self) -> None:
            """The manifest is valid and every row can be read."""
            assert found.state == "ready", found.reason
            assert not found.problems, found.problems[0].reason

        @pytest.mark.parametrize(
            "case", [pytest.param(each, id=each.id, marks=marks(each)) for each in cases]
        )
        def test_check(self, case: Case) -> None:
            """One check."""
            result = kit.run(case, declared)
            if result.outcome == "skipped":
                pytest.skip(result.message)
            if result.outcome == "expected":
                pytest.xfail(result.message)
            assert not result.failed, f"{case.summary}\n{result.message}"

    return Conformance
