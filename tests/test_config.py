from pathlib import Path

import pytest

from zoo import config
from zoo.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_later_layers_win_and_keep_their_origin(tmp_path, monkeypatch):
    user = write(tmp_path / "user.toml", '[aliases]\nvgg = "vgg16"\nmine = "vgg19"\n')
    write(tmp_path / "work" / ".zoo" / "registry.toml", '[aliases]\nvgg = "vgg11"\n')
    flag = write(tmp_path / "flag.toml", '[defaults]\nrecipe = "head"\n')
    monkeypatch.setenv("ZOO_CONFIG", str(user))
    (tmp_path / "work" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "work" / "deep")
    merged = config.load(flag)
    aliases = merged.table("aliases")
    assert aliases["vgg"].value == "vgg11"
    assert aliases["vgg"].origin == f"project ({tmp_path / 'work' / '.zoo' / 'registry.toml'})"
    assert aliases["mine"] == config.Setting("vgg19", f"user ({user})")
    assert merged.value("defaults", "recipe") == "head"
    assert [layer.name for layer in merged.layers] == ["shipped", "user", "project", "--registry"]
    assert ("aliases.vgg", "vgg11", aliases["vgg"].origin) in merged.settings()


def test_no_layer_takes_back_a_denial(tmp_path, monkeypatch):
    user = write(tmp_path / "user.toml", '[trust]\ndeny = ["bad"]\n')
    monkeypatch.setenv("ZOO_CONFIG", str(user))
    write(tmp_path / ".zoo" / "registry.toml", '[trust]\nallow = ["bad", "good"]\n')
    monkeypatch.chdir(tmp_path)
    merged = config.load()
    assert merged.refusal("bad", "bad-dist") == f"denied by user ({user})"
    assert merged.refusal("good", "good-dist") is None
    assert "not among the allowed of project" in str(merged.refusal("other", "other-dist"))


def test_the_environment_disables_and_no_plugins_leaves_our_own(monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE", "one, two")
    merged = config.load(plugins=False)
    assert merged.refusal("two", "two-dist") == "disabled by ZOO_DISABLE"
    assert merged.refusal("three", "three-dist") == "not among the allowed of --no-plugins"
    assert merged.refusal("vgg", "keras-zoo") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[aliasses]", "unknown table [aliasses]"),
        ("aliases = 3", "aliases is not a table"),
        ("[aliases]\nvgg = 3", "aliases.vgg takes a text, received 3"),
        ("[presets.a]\nspek = 'x'", "presets.a has no key 'spek'"),
        ("[presets.a]\nrecipe = 'head'", "presets.a has no spec"),
        ("[presets]\na = 'x'", "presets.a takes a table of texts, received 'x'"),
        ("[defaults]\ncolour = 'red'", "defaults has no key 'colour'"),
        ("[trust]\nallow = 'x'", "trust.allow takes a list of names, received 'x'"),
        ("[trust]\nalow = ['x']", "trust has no key 'alow'"),
        ("[aliases", "not TOML"),
    ],
)
def test_what_is_not_accepted_is_named(tmp_path, text, message):
    path = write(tmp_path / "bad.toml", text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_project_decides_nothing_that_is_the_users(tmp_path, monkeypatch):
    path = write(tmp_path / ".zoo" / "registry.toml", '[prefer]\nacme = "evil-acme"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert str(caught.value) == (
        f"{path}: a project may not set [prefer]\n  hint: put it in your own registry.toml"
    )


def test_a_missing_registry_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read: No such file"):
        config.load(tmp_path / "none.toml")
