"""Hooks can be watched, and may add a hint to an error without ever standing in its way."""

import re

import pytest

from zoo import registry
from zoo.cli.main import main
from zoo.errors import UnknownPart

from .test_plugins import with_hooks

HINTS = """
    from zoo.api import UnknownPart, hookimpl

    @hookimpl
    def zoo_error_hints(error):
        if isinstance(error, UnknownPart) and "quickest" in error.message:
            return "quickest is called acme/tiny since version 0.3"
"""

ERROR = "error: no part named 'quickest'\n  hint: zoo list shows all there are\n"


def run(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, re.sub(r"\d+\.\d{3} s", "N s", err)


def test_a_plugin_adds_a_hint_below_the_error(capsys, install):
    install("acme-zoo", with_hooks(HINTS), entry="acme")
    hint = "  hint from acme: quickest is called acme/tiny since version 0.3\n"
    assert run(capsys, "info", "quickest") == (2, "", ERROR + hint)
    assert run(capsys, "info", "slowest") == (2, "", ERROR.replace("quick", "slow"))


def test_an_error_imports_no_hooks_that_say_nothing_of_errors(capsys, install):
    install("acme-zoo", with_hooks("raise OSError('imported')"), entry="acme")
    assert run(capsys, "info", "quickest") == (2, "", ERROR)


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ("raise KeyError('x')", "zoo_error_hints raised KeyError: 'x'"),
        ("raise SystemExit(5)", "zoo_error_hints raised SystemExit: 5"),
        ("raise ZooError('mine')", "zoo_error_hints raised ZooError: mine"),
        ("return 42", "zoo_error_hints gave int, a text is expected"),
    ],
)
def test_one_that_fails_changes_nothing(capsys, install, body, warning):
    source = f"""
    from zoo.api import ZooError, hookimpl

    @hookimpl
    def zoo_error_hints(error):
        {body}
    """
    install("acme-zoo", with_hooks(source), entry="acme")
    line = f"warning: plugin acme (acme-zoo 0.3): {warning}\n"
    assert run(capsys, "info", "quickest") == (2, "", ERROR + line)


def test_one_line_without_control_characters_is_shown(capsys, install):
    source = HINTS.replace('"quickest is called', '"\\x1b[2Jquickest\\x07 is called').replace(
        "0.3", "0.3\\nand more"
    )
    install("acme-zoo", with_hooks(source), entry="acme")
    hint = "  hint from acme: [2Jquickest is called acme/tiny since version 0.3\n"
    assert run(capsys, "info", "quickest") == (2, "", ERROR + hint)


def test_every_call_is_traced(capsys, install):
    install("acme-zoo", with_hooks(HINTS), entry="acme")
    code, _, err = run(capsys, "info", "quickest", "--trace-hooks")
    assert code == 2
    assert err == (
        f"{ERROR}debug: acme_zoo.hooks: imported in N s\n"
        "debug: zoo_error_hints: acme (acme-zoo 0.3) gave str in N s\n"
        "  hint from acme: quickest is called acme/tiny since version 0.3\n"
    )
    # The next command is not traced.
    assert "debug" not in run(capsys, "info", "quickest")[2]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [("return None", "gave nothing"), ("return 42", "gave int"), ("raise OSError", "raised")],
)
def test_the_trace_tells_what_a_call_came_to(capsys, install, monkeypatch, body, outcome):
    monkeypatch.setenv("ZOO_TRACE_HOOKS", "1")
    source = f"""
    from zoo.api import hookimpl

    @hookimpl
    def zoo_error_hints():
        {body}
    """
    install("acme-zoo", with_hooks(source), entry="acme")
    err = run(capsys, "info", "quickest")[2]
    assert f"debug: zoo_error_hints: acme (acme-zoo 0.3) {outcome} in N s\n" in err


def test_the_error_is_handed_over_as_it_is(install):
    folder = install("acme-zoo", with_hooks(HINTS), entry="acme")
    loaded = registry.load()
    hints = loaded.hooks.hints(UnknownPart("no part named 'quickest'"))
    assert [(plugin.name, text) for plugin, text in hints] == [
        ("acme", "quickest is called acme/tiny since version 0.3")
    ]
    (folder / "hooks.py").unlink()
    registry.refresh()
    assert registry.load().hooks.hints(UnknownPart("no part")) == []
