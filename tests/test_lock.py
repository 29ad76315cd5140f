"""A lock is the same text for the same set, and nothing but a lock is read as one."""

import hashlib
import platform
import tomllib

import pytest

from zoo import __version__, lock, registry
from zoo.errors import PluginError
from zoo.lock import Difference, Lock, Pin

from .conftest import ACME

PIN = Pin("acme", "acme-zoo", "0.3", "a" * 64)


def here() -> Lock:
    return lock.of(registry.load())


def test_it_holds_every_plugin_that_takes_part(acme, install):
    install("bad-zoo", {"registry.toml": "schema = 9"}, entry="bad")
    found = here()
    assert (found.zoo, found.python) == (__version__, platform.python_version())
    pins = {pin.name: pin for pin in found.plugins}
    digest = hashlib.sha256((acme / "registry.toml").read_bytes()).hexdigest()
    assert pins["acme"] == Pin("acme", "acme-zoo", "0.3", digest)
    assert "bad" not in pins
    assert {pins[name].distribution for name in ("vgg", "heads")} == {"keras-zoo"}
    assert list(pins) == sorted(pins, key=lambda name: (pins[name].distribution, name))


def test_it_is_toml_and_reads_back(acme, tmp_path):
    found = here()
    assert tomllib.loads(found.toml())["plugins"][0]["name"] == "acme"
    lock.write(found, tmp_path / "zoo.lock")
    assert lock.read(tmp_path / "zoo.lock") == found
    assert lock.read(tmp_path) == found  # a folder that holds one, such as a run
    assert [path.name for path in tmp_path.glob("*.lock*")] == ["zoo.lock"]


def test_the_same_set_gives_the_same_bytes(acme):
    first = here().toml()
    registry.refresh()
    assert here().toml() == first


def test_a_plugin_that_cannot_be_asked_for_is_left_out(install):
    folder = install("acme-zoo", ACME, entry="acme")
    (folder.parent / "acme_zoo-0.3.dist-info" / "METADATA").unlink()
    registry.refresh()
    assert registry.load().plugin("acme").state == "ready"
    assert "acme" not in {pin.name for pin in here().plugins}


def test_an_older_lock_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "zoo.lock"
    lock.write(Lock("0.1", "3.11", ()), path)
    lock.write(Lock("0.1", "3.11", (PIN,)), path)
    assert lock.read(path).plugins == (PIN,)
    path.write_text("my notes")
    with pytest.raises(PluginError, match="no lock: not TOML"):
        lock.write(Lock("0.1", "3.11", ()), path)
    assert path.read_text() == "my notes"
    with pytest.raises(PluginError) as caught:
        lock.write(Lock("0.1", "3.11", ()), tmp_path / "no" / "zoo.lock")
    assert (
        str(caught.value) == f"{tmp_path}/no/zoo.lock cannot be written: No such file or directory"
    )


GOOD = Lock("0.1.0", "3.11.7", (PIN,)).toml()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "no lock: not TOML\n  hint: zoo plugins lock writes one"),
        ("\xff", "no lock: not TOML\n  hint: zoo plugins lock writes one"),
        ("a = " + "[" * 20_000, "no lock: not TOML\n  hint: zoo plugins lock writes one"),
        ("#" * 300_000, "300000 bytes, a lock holds at most 262144"),
        (
            "",
            "no lock: its schema is None, accepted is 1\n  hint: zoo plugins lock writes one",
        ),
        (
            GOOD.replace("schema = 1", "schema = 2"),
            "schema 2 is newer than this zoo reads (1)\n  hint: upgrade keras-zoo",
        ),
        (
            'schema = 1\nplugins = "acme"',
            "plugins is not a list of tables\n  hint: write it with [[plugins]]",
        ),
        (
            GOOD.replace('zoo = "0.1.0"', ""),
            "zoo is missing\n  hint: zoo plugins lock writes such a file",
        ),
        (
            GOOD.replace('"0.3"', "3"),
            "plugin 1: version cannot be 3\n  hint: zoo plugins lock writes such a file",
        ),
        (
            GOOD.replace('"acme-zoo"', '"acme-zoo @ file:///tmp/evil"'),
            "plugin 1: distribution cannot be 'acme-zoo @ file:///tmp/evil'\n"
            "  hint: zoo plugins lock writes such a file",
        ),
        (
            GOOD.replace('"acme-zoo"', '"--index-url=x"'),
            "plugin 1: distribution cannot be '--index-url=x'\n"
            "  hint: zoo plugins lock writes such a file",
        ),
        (
            GOOD.replace("a" * 64, "a" * 63),
            f"plugin 1: manifest cannot be '{'a' * 63}'\n"
            "  hint: zoo plugins lock writes such a file",
        ),
        (
            GOOD + 'colour = "red"\n',
            "plugin 1: unknown key 'colour'\n  hint: zoo plugins lock writes such a file",
        ),
        (
            'host = "x"\n' + GOOD,
            "unknown key 'host'\n  hint: zoo plugins lock writes such a file",
        ),
    ],
)
def test_what_is_no_lock_is_refused(tmp_path, text, message):
    path = tmp_path / "zoo.lock"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(PluginError) as caught:
        lock.read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_lock_that_is_not_there(tmp_path):
    with pytest.raises(PluginError) as caught:
        lock.read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/zoo.lock: cannot be read: No such file or directory\n"
        "  hint: zoo plugins lock writes one"
    )


def test_nothing_differs_from_what_was_just_written(acme):
    assert lock.differences(here(), registry.load()) == []


def test_each_difference_is_told(acme, install, monkeypatch):
    install("extra-zoo", {"registry.toml": "schema = 1"}, entry="extra")
    written = here()
    pins = {pin.name: pin for pin in written.plugins}
    changed = Lock(
        written.zoo,
        "3.10.0",
        (
            Pin("acme", "Acme_Zoo", "0.3", "b" * 64),
            Pin("gone", "gone-zoo", "1.0", "c" * 64),
            *(pin for name, pin in pins.items() if name not in ("acme", "extra", "vgg")),
            Pin("vgg", "keras-zoo", written.zoo, pins["vgg"].manifest),
        ),
    )
    monkeypatch.setenv("ZOO_DISABLE", "vgg")
    registry.refresh()
    assert lock.differences(changed, registry.load()) == [
        Difference("gone-zoo", "missing", "1.0", ""),
        Difference("acme", "manifest", "b" * 64, pins["acme"].manifest),
        Difference("vgg", "state", "ready", "refused: disabled by ZOO_DISABLE"),
        Difference("extra", "extra", "", "extra-zoo 0.3"),
        Difference("python", "python", "3.10.0", platform.python_version()),
    ]


def test_another_version_is_one_difference_not_two(acme):
    pins = (Pin("acme", "acme-zoo", "0.2", "b" * 64),)
    found = lock.differences(Lock("0.0.9", platform.python_version(), pins), registry.load())
    assert [each for each in found if each.kind != "extra"] == [
        Difference("acme-zoo", "version", "0.2", "0.3"),
        Difference("keras-zoo", "version", "0.0.9", __version__),
    ]
