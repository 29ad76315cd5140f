import logging
import sys

import pytest

from zoo import registry
from zoo.errors import PluginError
from zoo.probe import probe

from .conftest import ACME


def with_hooks(source, commands=""):
    manifest = ACME["registry.toml"].replace(
        "schema = 1", f'schema = 1\nhooks = "acme_zoo.hooks"\n{commands}'
    )
    return ACME | {"registry.toml": manifest, "hooks.py": source}


GOOD = """
    from zoo.api import hookimpl

    @hookimpl
    def zoo_doctor_checks():
        return [("the moon is there", True, "look up")]
"""


def test_a_hook_is_called_with_its_owner(install):
    install("acme-zoo", with_hooks(GOOD), entry="acme")
    results = registry.load().hooks.call("zoo_doctor_checks")
    assert [(p.name, checks) for p, checks in results if p.name == "acme"] == [
        ("acme", [("the moon is there", True, "look up")])
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('no')", "importing acme_zoo.hooks raised ValueError: no"),
        ("raise SystemExit(3)", "importing acme_zoo.hooks raised SystemExit: 3"),
        (GOOD.replace("zoo_doctor_checks()", "zoo_doctor_cheks()"), "unknown hook"),
        (GOOD.replace("zoo_doctor_checks()", "zoo_doctor_checks(moon)"), "moon"),
        (GOOD.replace("return [", "raise OSError('lost') or ["), "raised OSError: lost"),
        (GOOD.replace("return [", "raise SystemExit or ["), "raised SystemExit"),
    ],
)
def test_a_failing_hook_module_is_rolled_back(install, caplog, monkeypatch, source, reason):
    install("acme-zoo", with_hooks(source), entry="acme")
    well = {name: text.replace("acme_zoo", "well_zoo") for name, text in with_hooks(GOOD).items()}
    install("well-zoo", well, entry="well")
    monkeypatch.setattr(logging.getLogger("zoo"), "propagate", True)
    loaded = registry.load()
    results = loaded.hooks.call("zoo_doctor_checks")
    assert "acme" not in {plugin.name for plugin, _ in results}
    assert "well" in {plugin.name for plugin, _ in results}
    (problem,) = [each for each in loaded.problems if each.plugin == "acme"]
    assert reason in problem.reason
    assert reason in caplog.text
    # Its parts, which are data, stay usable.
    assert loaded.part("backbone", "acme/tiny").id == "acme/tiny"


def test_strict_raises(install, monkeypatch):
    monkeypatch.setenv("ZOO_STRICT", "1")
    install("acme-zoo", with_hooks("raise ValueError('no')"), entry="acme")
    with pytest.raises(PluginError, match="ValueError: no"):
        registry.load().hooks.call("zoo_doctor_checks")


def test_a_target_that_raises_fails_only_when_asked_for(install):
    parts = "import nothing_of_this_name\n" + ACME["parts.py"].replace("\n        ", "\n")
    install("acme-zoo", ACME | {"parts.py": parts}, entry="acme")
    loaded = registry.load()
    part = loaded.part("backbone", "acme/tiny")
    with pytest.raises(PluginError) as caught:
        loaded.function(part)
    assert str(caught.value) == (
        "plugin acme (acme-zoo 0.3): importing acme_zoo.parts raised ModuleNotFoundError: "
        "No module named 'nothing_of_this_name'\n"
        "  hint: report it to the authors, or switch it off: ZOO_DISABLE=acme"
    )


def test_what_a_target_prints_is_kept_off_stdout(install, capsys):
    parts = "print('hello')\n" + ACME["parts.py"].replace("\n        ", "\n")
    install("acme-zoo", ACME | {"parts.py": parts}, entry="acme")
    loaded = registry.load()
    assert callable(loaded.function(loaded.part("head", "acme/pooled")))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise KeyError('x')", "acme_zoo.parts raises KeyError when imported: 'x'"),
        ("raise SystemExit(2)", "acme_zoo.parts raises SystemExit when imported: 2"),
        ("import os; os._exit(7)", "acme_zoo.parts ends the process when imported (exit status 7)"),
        ("print('hi')", "acme_zoo.parts prints when imported"),
        ("import os; os.write(1, b'hi')", "acme_zoo.parts prints when imported"),
        ("import time; time.sleep(60)", "acme_zoo.parts takes more than 3 s to import"),
    ],
)
def test_the_probe_names_what_a_module_does(install, line, reason):
    install(
        "acme-zoo",
        ACME | {"parts.py": f"{line}\n" + ACME["parts.py"].replace("\n        ", "\n")},
        entry="acme",
    )
    plugins = [plugin for plugin in registry.load().plugins if plugin.name == "acme"]
    problems = probe(plugins, timeout=3)
    assert [problem.reason for problem in problems] == [reason]


def test_the_probe_goes_on_behind_a_module_that_ends_the_process(install, monkeypatch):
    folder = install("acme-zoo", with_hooks("import os\nos._exit(1)"), entry="acme")
    plugins = [plugin for plugin in registry.load().plugins if plugin.name == "acme"]
    # A function that went away since the manifest was indexed: only an import shows it.
    (folder / "parts.py").write_text("def tiny(inputs):\n    pass\n")
    reasons = [problem.reason for problem in probe(plugins, timeout=30)]
    assert reasons == [
        "acme_zoo.hooks ends the process when imported (exit status 1)",
        "acme_zoo.parts has no function pooled",
    ]


COMPUTED = """
    from zoo.api import hookimpl

    @hookimpl
    def zoo_parts(kind):
        if kind == "backbone":
            row = {"target": "acme_zoo.parts:tiny", "defaults": {"width": 0.5}}
            return {"half": row, "bad": {"target": "os:system"}} if BAD else {"half": row}
"""


def test_parts_are_computed_when_a_name_is_asked_for(install):
    files = with_hooks(COMPUTED.replace("BAD", "False"), 'computes = ["backbone"]')
    install("acme-zoo", files, entry="acme")
    loaded = registry.load()
    assert loaded.find("backbone", "acme/tiny") is not None
    assert "acme_zoo.hooks" not in sys.modules, "a name that a manifest holds imports nothing"
    half = loaded.part("backbone", "acme/half")
    assert "acme_zoo.hooks" in sys.modules
    assert (half.options[0].default, half.origin) == (0.5, "acme-zoo 0.3")
    assert str(loaded.parse("acme/half+linear")) == "acme/half+linear"
    assert loaded.resolve(loaded.parse("acme/half+linear")).backbone.options == {"width": 0.5}
    assert "acme/half" not in [part.id for part in loaded.parts()]
    assert "acme/half" in [part.id for part in loaded.parts(computed=True)]


def test_a_computed_row_is_held_to_the_schema(install):
    files = with_hooks(COMPUTED.replace("BAD", "True"), 'computes = ["backbone"]')
    install("acme-zoo", files, entry="acme")
    loaded = registry.load()
    assert loaded.find("backbone", "acme/half") is None
    (problem,) = [each for each in loaded.problems if each.plugin == "acme"]
    assert "target 'os:system' lies outside the package acme_zoo" in problem.reason


def test_a_row_may_set_the_default_of_an_option(install):
    manifest = ACME["registry.toml"] + "defaults = { dropout = 0.2 }\n"
    install("acme-zoo", ACME | {"registry.toml": manifest}, entry="acme")
    assert registry.load().part("head", "acme/pooled").options[0].default == 0.2
    install("acme-zoo", ACME | {"registry.toml": manifest.replace("dropout", "drop")}, entry="acme")
    (problem,) = [each for each in registry.load().problems if each.plugin == "acme"]
    assert "defaults sets 'drop', which is no option" in problem.reason
    assert problem.remedy == "options: dropout"
