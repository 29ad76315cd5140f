"""A new plugin is complete: listed, clean, and conformant as it was generated."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from zoo import registry
from zoo.cli.main import main
from zoo.part import KINDS

EVERY_KIND = [word for kind in KINDS for word in ("--kind", kind)]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(capsys, *words):
    code = main(["plugins", "new", *words])
    out, err = capsys.readouterr()
    return code, out, err


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def put_on_the_path(project: Path, install) -> None:
    """What pip does with it: the package and its entry point on the import path."""
    facts = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    ((entry, package),) = facts["entry-points"]["zoo"].items()
    sources = {path.name: path.read_bytes() for path in (project / package).iterdir()}
    install(facts["name"], sources, package=package, version=facts["version"], entry=entry)


def test_a_backbone_is_the_default(capsys, work):
    assert run(capsys, "acme") == (
        0,
        "zoo-acme: 9 files, acme/conv-net\n"
        "\n"
        "next\n"
        "  pip install -e ./zoo-acme\n"
        "  zoo plugins check acme\n"
        "  zoo build acme/conv-net+linear\n",
        "",
    )
    assert files(work / "zoo-acme") == [
        ".github/workflows/test.yml",
        ".gitignore",
        "README.md",
        "acme_zoo/__init__.py",
        "acme_zoo/conv_net.py",
        "acme_zoo/registry.toml",
        "pyproject.toml",
        "tests/test_conformance.py",
        "tests/test_conv_net.py",
    ]
    assert [path.name for path in work.iterdir()] == ["zoo-acme"]


@pytest.mark.parametrize(
    ("kind", "trial"),
    [
        ("head", "zoo build small-cnn+acme-nets/two-pool"),
        ("policy", "zoo info acme-nets/hand-held"),
        ("interpreter", "zoo info acme-nets/hires-cam"),
    ],
)
def test_names_follow_from_one(capsys, work, kind, trial):
    out = work / "in here" / "nets"
    code, text, err = run(
        capsys, "zoo-acme-nets", "--kind", kind, "--kind", kind, "--out", str(out), "--json"
    )
    assert (code, err) == (0, "")
    facts = json.loads(text)
    assert facts["plugin"] == "acme-nets"
    assert facts["distribution"] == "zoo-acme-nets"
    assert facts["package"] == "acme_nets_zoo"
    assert facts["next"] == [f"pip install -e '{out}'", "zoo plugins check acme-nets", trial]
    assert sorted(facts["files"]) == files(out)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Acme Nets", "received 'Acme Nets'\n  hint: such as acme-nets"),
        ("acme_nets", "received 'acme_nets'\n  hint: such as acme-nets"),
        ("3d", "received '3d'\n  hint: such as zoo-acme"),
        ("zoo-", "received 'zoo-'\n  hint: such as zoo-acme"),
        ("../acme", "received '../acme'\n  hint: such as acme"),
        ("a" * 41, f"received '{'a' * 41}'\n  hint: such as {'a' * 40}"),
    ],
)
def test_a_name_that_cannot_be_one(capsys, work, name, error):
    rule = "a plugin's name is words of a-z and 0-9 joined by hyphens, 40 characters at most"
    assert run(capsys, name) == (2, "", f"error: {rule}, {error}\n")
    assert not list(work.iterdir())


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "zoo",
            "the namespace 'zoo' is reserved\n  hint: choose one of your own, such as zoo-acme",
        ),
        ("class", "'class' is a word of Python itself\n  hint: choose another name"),
        (
            "zoo-vgg",
            "'vgg' is the name of a plugin of keras-zoo 0.1.0, which is installed\n"
            "  hint: choose another: of two plugins with one name zoo sets both aside",
        ),
    ],
)
def test_a_name_that_is_not_to_be_had(capsys, work, name, error):
    assert run(capsys, name) == (2, "", f"error: {error}\n")
    assert not list(work.iterdir())


def test_a_folder_in_use_is_left_alone(capsys, work):
    mine = work / "zoo-acme" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("precious")
    assert run(capsys, "acme") == (
        2,
        "",
        "error: zoo-acme is in use\n  hint: choose another folder: --out DIR\n",
    )
    assert files(work) == ["zoo-acme/mine.txt"]


def test_a_folder_below_a_file_cannot_be_made(capsys, work):
    (work / "file").touch()
    assert run(capsys, "acme", "--out", "file/acme") == (
        2,
        "",
        f"error: file/acme cannot be made: {work / 'file'} is no folder one can write to\n",
    )


def test_it_is_clean_to_ruff(capsys, work):
    run(capsys, "acme", *EVERY_KIND)
    for words in (["check"], ["format", "--check"]):
        child = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "zoo-acme"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode == 0, child.stdout


def test_its_readme_names_its_parts(capsys, work):
    run(capsys, "acme", *EVERY_KIND)
    readme = (work / "zoo-acme" / "README.md").read_text()
    for part in ("conv-net", "two-pool", "hand-held", "hires-cam"):
        assert f"| `acme/{part}` |" in readme
    assert "(../../actions/workflows/test.yml)" in readme
    for path in (work / "zoo-acme").rglob("*"):
        assert path.is_dir() or "{" not in path.suffix


# numpy's word on how Keras gives its variables.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_it_conforms_as_generated(capsys, work, install):
    from zoo.testing import run_all

    run(capsys, "acme", *EVERY_KIND)
    put_on_the_path(work / "zoo-acme", install)
    plugin = registry.load().plugin("acme")
    assert plugin.origin == "zoo-acme 0.1.0"
    assert [part.id for part in plugin.parts] == [
        "acme/conv-net",
        "acme/two-pool",
        "acme/hand-held",
        "acme/hires-cam",
    ]
    report = run_all(plugin, ("static", "build"))
    assert not report.faults
    assert not [(each.case.id, each.message) for each in report.results if each.failed]
    assert set(KINDS) <= {result.case.id.partition("/")[0] for result in report.results}


@pytest.mark.slow
def test_installed_by_pip_it_passes_its_own_tests_and_the_whole_kit(capsys, work, tmp_path):
    run(capsys, "acme", *EVERY_KIND)
    project, site = work / "zoo-acme", tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(project)], check=True)
    environment = os.environ | {"PYTHONPATH": str(site)}

    def python(*words: str) -> str:
        child = subprocess.run(
            [sys.executable, *words], cwd=project, env=environment, capture_output=True, text=True
        )
        assert child.returncode == 0, child.stdout + child.stderr
        return child.stdout

    python("-m", "pytest", "-q", "-p", "no:cacheprovider")
    zoo = "import sys; from zoo.cli.main import main; sys.exit(main())"
    checked = json.loads(python("-c", zoo, "plugins", "check", "acme", "--json"))
    assert not checked["faults"]
    assert {row["outcome"] for row in checked["results"]} == {"passed", "skipped"}
    python(
        "-c", zoo, "build", "acme/conv-net+acme/two-pool", "--classes", "3", "--input-size", "32"
    )
