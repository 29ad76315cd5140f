"""A plugin's checks for the doctor run where it can neither hang nor end nor disturb him."""

import pytest

from zoo import registry
from zoo.examine import Check, examine

from .test_plugins import GOOD, with_hooks


def ask(timeout=30):
    plugins = [plugin for plugin in registry.load().plugins if plugin.name == "acme"]
    checks, problems = examine(plugins, timeout)
    assert all(problem.origin == "acme-zoo 0.3" for problem in problems)
    assert all(problem.remedy for problem in problems)
    return checks, [problem.reason for problem in problems]


def test_checks_come_back_with_their_owner(install):
    install("acme-zoo", with_hooks(GOOD), entry="acme")
    assert ask() == ([Check("the moon is there", True, "look up", "acme")], [])


def test_a_plugin_without_hooks_is_not_asked(acme):
    assert ask() == ([], [])


CALL = "return ["


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (GOOD.replace(CALL, "import os; os._exit(0); return ["), "ends the process"),
        (GOOD.replace(CALL, "import time; time.sleep(60); return ["), "takes more than 1 s"),
        ("import time; time.sleep(60)", "takes more than 1 s"),
        (GOOD.replace(CALL, "raise OSError('no') or ["), "raised OSError: no"),
        (GOOD.replace(CALL, "return 7 or ["), "gave int, a list is expected"),
        (GOOD.replace("zoo_doctor_checks()", "zoo_doctor_cheks()"), "unknown hook"),
        (GOOD.replace("zoo_doctor_checks()", "zoo_doctor_checks(moon)"), "moon"),
    ],
)
def test_one_that_misbehaves_is_a_problem(install, monkeypatch, source, reason):
    # Strict or not: it is the doctor who tells.
    monkeypatch.setenv("ZOO_STRICT", "1")
    install("acme-zoo", with_hooks(source), entry="acme")
    checks, (found,) = ask(timeout=1 if "sleep" in source else 30)
    assert checks == []
    assert reason in found


def test_what_it_prints_is_not_heard(install, capfd):
    install("acme-zoo", with_hooks(GOOD.replace(CALL, "print('hello'); return [")), entry="acme")
    assert ask() == ([Check("the moon is there", True, "look up", "acme")], [])
    assert capfd.readouterr() == ("", "")
