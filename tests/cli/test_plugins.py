import json

import pytest

from zoo import registry
from zoo.cli.main import main


def run(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def user(tmp_path, monkeypatch):
    path = tmp_path / "config" / "registry.toml"
    monkeypatch.setenv("ZOO_CONFIG", str(path))
    return path


def test_disable_and_enable_keep_the_rest_of_the_file(capsys, acme, user):
    user.parent.mkdir()
    user.write_text('# mine\n[aliases]\ntiny = "acme/tiny"  # short\n')
    code, out, _ = run(capsys, "plugins", "disable", "acme")
    assert (code, out) == (0, f"acme is disabled in {user}\n")
    assert '# mine\n[aliases]\ntiny = "acme/tiny"  # short\n' in user.read_text()
    registry.refresh()
    assert registry.load().plugin("acme").reason == f"disabled by user ({user})"
    code, out, _ = run(capsys, "plugins", "enable", "acme-zoo")
    assert (code, out) == (0, f"acme is enabled in {user}\n")
    registry.refresh()
    assert registry.load().plugin("acme").state == "ready"


def test_enable_cannot_overrule_another_layer(capsys, acme, user, monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE", "acme")
    registry.refresh()
    assert run(capsys, "plugins", "enable", "acme") == (
        2,
        "",
        "error: acme stays switched off: disabled by ZOO_DISABLE\n  hint: change it there\n",
    )


def test_show_reads_a_plugin_as_data(capsys, acme):
    code, out, _ = run(capsys, "plugins", "show", "acme")
    assert code == 0
    assert "acme-zoo 0.3" in out
    assert "backbone  acme/tiny    One convolution." in out


def test_a_plugin_that_is_not_there(capsys, acme):
    assert run(capsys, "plugins", "show", "acne") == (
        2,
        "",
        "error: no plugin named 'acne' is installed\n  hint: did you mean acme?\n",
    )


def test_why_tells_the_chain_from_name_to_distribution(capsys, acme):
    code, out, _ = run(capsys, "plugins", "why", "acme/tiny")
    assert code == 0
    assert out.splitlines() == [
        f"backbone acme/tiny is acme_zoo.parts:tiny, {acme / 'parts.py'}:2",
        "plugin acme is ready",
        f"  its manifest is {acme / 'registry.toml'}",
        "  an entry point of acme-zoo 0.3 names it: acme = acme_zoo",
        "  trust: nothing forbids it",
    ]


def test_why_of_what_is_switched_off(capsys, acme, monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE", "acme")
    registry.refresh()
    code, out, _ = run(capsys, "plugins", "why", "acme", "--json")
    assert code == 0
    assert json.loads(out)["plugins"][0]["refusal"] == "disabled by ZOO_DISABLE"
