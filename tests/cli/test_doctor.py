import json

from zoo.cli.main import main

from ..conftest import ACME


def test_a_healthy_zoo_has_no_problem(capsys):
    assert main(["doctor", "--static"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "ok    cache folder can be written" in out


def test_the_culprit_is_named_and_the_exit_code_is_1(capsys, install, monkeypatch):
    source = "raise OSError('gone')\n" + ACME["parts.py"].replace("\n        ", "\n")
    folder = install("acme-zoo", ACME | {"parts.py": source}, entry="acme")
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    monkeypatch.setenv("ZOO_NO_PLUGINS", "")
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    facts = json.loads(out)
    (problem,) = facts["problems"]
    assert problem["plugin"] == "acme"
    assert problem["origin"] == "acme-zoo 0.3"
    assert problem["reason"] == "acme_zoo.parts raises OSError when imported: gone"
    assert problem["remedy"] == "report it to the authors, or switch it off: ZOO_DISABLE=acme"
    assert err == "error: 1 problem found\n"
    assert facts["environment"]["keras"].startswith("3.")


def test_a_manifest_that_is_missing_is_named(capsys, install):
    install("acme-zoo", {}, entry="acme")
    assert main(["doctor", "--static"]) == 1
    out, _ = capsys.readouterr()
    assert "acme (acme-zoo 0.3): registry.toml is not inside acme_zoo" in out
    assert "remedy: is it in the wheel? see the build's file list" in out
