"""The kit as a class of pytest tests, one test a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.errors import PluginError
from zoo.registry import load
from zoo.testing import kit
from zoo.testing.kit import Case, Level


def suite(
    plugin: str,
    *,
    levels: Sequence[Level] = kit.DEFAULT_LEVELS,
    xfail: Mapping[str, str] | None = None,
    pattern: str = "",
) -> type:
    """Make a test class that runs the kit on an installed plugin.

        TestAcme = suite("zoo-acme")

    Args:
        plugin: Name of the distribution or of the entry point.
        levels: Which levels to run; `network`, which downloads weights, is left out by default.
        xfail: Ids of checks that are known to fail, with the reason. One that passes all the same
            fails the test, so that the declaration is taken away.
        pattern: Only checks whose id holds this text.

    Returns:
        A class for a module of tests; its name there has to begin with `Test`.

    Raises:
        ImportError: pytest is not installed.
        PluginError: The plugin is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        raise ImportError("the kit runs on pytest: pip install 'keras-zoo[testing]'") from error

    found = load().plugin(plugin)
    known = {case.id for case in kit.cases(found, kit.LEVELS)}
    stray = sorted((xfail or {}).keys() - known)
    if stray:
        raise PluginError(f"xfail names {stray[0]!r}, which is no check of {plugin}")

    class Conformance:
        """What every part of the plugin must pass."""

        def test_manifest(self) -> None:
            """The manifest is valid and every row can be read."""
            assert found.state == "ready", found.reason
            assert not found.problems, found.problems[0].reason

        @pytest.mark.parametrize(
            "case", kit.cases(found, levels, pattern), ids=lambda case: case.id
        )
        def test_part(self, case: Case) -> None:
            """One check of one part."""
            result: Any = kit.run(case, xfail)
            if result.outcome == "skipped":
                pytest.skip(result.message)
            if result.outcome == "expected":
                pytest.xfail(result.message)
            assert not result.failed, f"{case.summary}\n{result.message}"

    return Conformance
