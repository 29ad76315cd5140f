"""Plugins come, go and come back by pip, in an environment that is made for it."""

import json
import os
import platform
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from zoo import __version__, pip, registry
from zoo.cli.main import main

MANIFEST = """schema = 1

[head.{part}]
target = "acme_zoo:{part}"
"""

SOURCE = '''"""A plugin."""


def {part}(features, num_classes):
    """One dense layer."""
    return features
'''


def wheel(folder: Path, version: str, *, part="plain", manifest=MANIFEST, entry="acme") -> Path:
    """A wheel of the plugin `acme` of zoo-acme."""
    info = f"zoo_acme-{version}.dist-info"
    path = folder / f"zoo_acme-{version}-py3-none-any.whl"
    files = {
        "acme_zoo/__init__.py": SOURCE.format(part=part),
        "acme_zoo/registry.toml": manifest.format(part=part),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: zoo-acme\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[zoo]\n{entry} = acme_zoo\n" if entry else "",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def ours() -> int:
    """How many plugins come with zoo itself."""
    return sum(plugin.distribution == "keras-zoo" for plugin in registry.load().plugins)


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """An environment of its own that sees the packages of this one, pip and zoo among them."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return folder / "bin" / "python"


@pytest.fixture
def zoo(python, tmp_path):
    def zoo(*words: str) -> tuple[int, str, str]:
        code = "import sys; from zoo.cli.main import main; sys.exit(main())"
        offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_QUIET": "1"}
        child = subprocess.run(
            [python, "-c", code, *words],
            cwd=tmp_path,
            env=os.environ | offline | {"PIP_FIND_LINKS": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return child.returncode, child.stdout, child.stderr

    yield zoo
    subprocess.run(
        [python, "-m", "pip", "uninstall", "--yes", "--quiet", "zoo-acme"],
        capture_output=True,
        check=False,
    )


def test_what_is_installed_shows_what_came_and_goes_again(zoo, tmp_path):
    wheel(tmp_path, "0.3")
    came = (
        "acme (zoo-acme 0.3) is ready\n"
        "\n"
        "kind  name        summary\n"
        "----  ----------  ----------------\n"
        "head  acme/plain  One dense layer.\n"
    )
    assert zoo("plugins", "install", "zoo-acme") == (0, came, "")
    # It is there already, and shown again.
    assert zoo("plugins", "install", "zoo_acme") == (0, came, "")
    assert zoo("plugins", "uninstall", "acme") == (
        0,
        "zoo-acme 0.3 is uninstalled, and with it acme/plain\n",
        "",
    )
    assert zoo("plugins", "show", "acme")[0] == 2


def test_json_is_one_document_though_pip_talks(zoo, tmp_path, monkeypatch):
    path = wheel(tmp_path, "0.3")
    monkeypatch.setenv("PIP_QUIET", "0")
    code, out, _ = zoo("plugins", "install", str(path), "--json")
    assert code == 0
    assert json.loads(out)["installed"] == ["zoo-acme"]
    assert [part["id"] for part in json.loads(out)["plugins"][0]["parts"]] == ["acme/plain"]


def test_a_broken_plugin_is_told_and_can_be_taken_away(zoo, tmp_path):
    path = wheel(tmp_path, "0.3", manifest="schema = 7")
    code, out, err = zoo("plugins", "install", str(path))
    (site,) = (Path(line) for line in [out.split("broken: ")[1].split("/acme_zoo/")[0]])
    reason = f"{site}/acme_zoo/registry.toml:1: schema 7 is newer than this zoo reads (1)"
    assert (code, out) == (
        1,
        f"acme (zoo-acme 0.3) is broken: {reason}\n"
        "\n"
        f"acme (zoo-acme 0.3): {reason}\n"
        "  remedy: upgrade keras-zoo\n",
    )
    assert err == (
        "error: 1 problem found\n  hint: zoo plugins uninstall zoo-acme takes it away again\n"
    )
    assert zoo("plugins", "uninstall", "zoo-acme") == (0, "zoo-acme 0.3 is uninstalled\n", "")


def test_a_package_without_a_plugin_is_a_failure(zoo, tmp_path):
    path = wheel(tmp_path, "0.3", entry="")
    assert zoo("plugins", "install", str(path)) == (
        1,
        "no plugin came\n",
        f"error: {path} brought no plugin\n"
        "  hint: a plugin has an entry point in the group 'zoo'; pip uninstall takes the rest "
        "away\n",
    )


def test_what_pip_cannot_do_is_a_failure_with_its_reason(zoo):
    code, out, err = zoo("plugins", "install", "no-such-package")
    assert (code, out) == (1, "")
    assert "No matching distribution found for no-such-package" in err
    assert err.endswith(
        "error: pip could not install no-such-package\n  hint: its reason stands above\n"
    )
    # A word is a package, never an option of pip.
    code, out, err = zoo("plugins", "install", "--", "--target=elsewhere")
    assert (code, out) == (1, "")
    assert err.endswith(
        "error: pip could not install --target=elsewhere\n  hint: its reason stands above\n"
    )


def test_a_set_is_restored(zoo, tmp_path):
    wheel(tmp_path, "0.3")
    wheel(tmp_path, "0.4", part="other")
    assert zoo("plugins", "install", "zoo-acme==0.3")[0] == 0
    assert zoo("plugins", "lock") == (
        0,
        f"zoo.lock: {ours() + 1} plugins of keras-zoo {__version__}, zoo-acme 0.3\n",
        "",
    )
    assert zoo("plugins", "restore", "zoo.lock") == (0, "nothing differs from zoo.lock\n", "")
    assert zoo("plugins", "install", "zoo-acme==0.4")[0] == 0
    table = (
        "what      difference  locked  here\n"
        "--------  ----------  ------  ----\n"
        "zoo-acme  version     0.3     0.4\n"
        "\n"
    )
    dry = zoo("plugins", "restore", "zoo.lock", "--dry-run")
    assert dry == (0, f"{table}to install: pip install zoo-acme==0.3\n", "")
    assert "acme/other" in zoo("list")[1]
    done = zoo("plugins", "restore", "zoo.lock")
    assert done == (0, f"{table}installed with: pip install zoo-acme==0.3\n", "")
    assert "acme/plain" in zoo("list")[1]


def test_another_build_of_the_same_version_is_told(zoo, tmp_path):
    assert zoo("plugins", "install", str(wheel(tmp_path, "0.3")))[0] == 0
    assert zoo("plugins", "lock", "mine.lock")[0] == 0
    assert zoo("plugins", "uninstall", "acme")[0] == 0
    assert zoo("plugins", "install", str(wheel(tmp_path, "0.3", part="other")))[0] == 0
    code, out, err = zoo("plugins", "restore", "mine.lock", "--json")
    assert code == 1
    facts = json.loads(out)
    assert [(row["what"], row["kind"]) for row in facts["differences"]] == [("acme", "manifest")]
    assert facts["command"] is None
    assert err == (
        "error: 1 difference from mine.lock that pip did not mend: acme\n"
        "  hint: pip uninstall and install them anew, or lock what is here: zoo plugins lock\n"
    )


# -- in this process


def run(capsys, *words):
    code = main(["plugins", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_without_pip_there_is_a_sentence(capsys, monkeypatch, acme):
    monkeypatch.setattr(pip, "find_spec", lambda name: None)
    sentence = (
        f"error: there is no pip in {sys.prefix}\n"
        f"  hint: {sys.executable} -m ensurepip brings it; or use what made the environment\n"
    )
    assert run(capsys, "install", "zoo-acme") == (2, "", sentence)
    assert run(capsys, "uninstall", "acme") == (2, "", sentence)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "vgg",
            "vgg comes with keras-zoo itself\n  hint: zoo plugins disable vgg switches it off",
        ),
        ("keras_zoo", "keras-zoo is zoo itself\n  hint: pip uninstall keras-zoo takes all away"),
        ("vg", "no plugin named 'vg' is installed\n  hint: did you mean vgg?"),
        (
            "twin",
            "the plugin twin is given by one-zoo and two-zoo\n  hint: name one of these",
        ),
        (
            "nobody",
            "the plugin nobody belongs to no distribution that pip knows\n"
            "  hint: delete its folders by hand: nobody_zoo",
        ),
    ],
)
def test_what_is_not_uninstalled(capsys, install, name, error):
    for number in ("one", "two"):
        install(f"{number}-zoo", {"registry.toml": "schema = 1"}, entry=f"twin = {number}_zoo")
    folder = install("nobody-zoo", {"registry.toml": "schema = 1"}, entry="nobody")
    (folder.parent / "nobody_zoo-0.3.dist-info" / "METADATA").unlink()
    registry.refresh()
    assert run(capsys, "uninstall", name) == (2, "", f"error: {error}\n")


def test_a_lock_says_what_it_leaves_out(capsys, install, tmp_path, monkeypatch):
    install("bad-zoo", {"registry.toml": "schema = 9"}, entry="bad")
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "lock", "my.lock")
    assert (code, out) == (0, f"my.lock: {ours()} plugins of keras-zoo {__version__}\n")
    assert err.startswith("left out: bad (bad-zoo 0.3), broken: ")
    assert (tmp_path / "my.lock").read_text().count("[[plugins]]") == ours()


def test_what_is_worth_knowing_is_no_failure(capsys, acme, tmp_path):
    from zoo import lock

    written = lock.of(registry.load())
    others = tuple(pin for pin in written.plugins if pin.name != "acme")
    lock.write(lock.Lock(written.zoo, "3.10.0", others), tmp_path / "zoo.lock")
    assert run(capsys, "restore", str(tmp_path)) == (
        0,
        "what    difference  locked  here\n"
        "------  ----------  ------  ------------\n"
        "acme    extra       -       acme-zoo 0.3\n"
        f"python  python      3.10.0  {platform.python_version()}\n",
        "",
    )
