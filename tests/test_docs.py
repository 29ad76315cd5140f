"""The pages say what is so: blocks made by the program, examples parsed, tutorials typed."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from zoo import config, manifest, recipe, registry
from zoo.cli.main import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return [body for kind, _, body in FENCE.findall(text(page)) if kind == language]


def typed(body: str) -> list[tuple[str, str]]:
    """(command, output shown below it) of a console block."""
    pieces = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (piece.partition("\n") for piece in pieces)]


@pytest.fixture
def generate(monkeypatch):
    monkeypatch.setenv("ZOO_NO_PLUGINS", "1")
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_block_is_what_the_program_says(generate):
    stale = [str(path) for path, now in generate.pages() if now != path.read_text()]
    assert not stale, f"python docs/generate.py writes {', '.join(stale)} anew"


def test_every_block_is_on_a_page(generate):
    used = [
        name
        for path in DOCS.rglob("*.md")
        for _, name, *_ in generate.BLOCK.findall(path.read_text())
    ]
    assert sorted(used) == sorted(generate.BLOCKS)


def test_every_key_has_a_meaning(generate):
    told = {
        model: generate.arguments(model)
        for model in (
            manifest.Manifest,
            manifest.BackboneRow,
            manifest.InterpreterRow,
            manifest.WeightsRow,
            manifest.Normalization,
            recipe.Recipe,
            recipe.Phase,
        )
    }
    mute = {model.__name__: sorted(set(model.model_fields) - set(told[model])) for model in told}
    assert not any(mute.values()), mute


def test_a_name_is_what_the_page_says():
    known = registry.load()
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", text("reference/names.md"), re.MULTILINE)
    assert len(rows) >= 7
    for written, canonical in rows:
        assert str(known.parse(written)) == canonical
        assert str(known.parse(canonical)) == canonical
    parts = re.findall(
        r"^\| (policy|interpreter) \| `([^`]+)` \| `([^`]+)` \|$",
        text("reference/names.md"),
        re.MULTILINE,
    )
    assert len(parts) == 2
    for kind, written, canonical in parts:
        assert str(known.parse_part(kind, written)) == canonical


@pytest.mark.parametrize("page", ["reference/names.md", "reference/errors.md"])
def test_an_error_is_the_one_that_is_shown(page, capsys):
    for body in blocks(page, "console"):
        for command, shown in typed(body):
            assert main(shlex.split(command)[1:]) == 2
            assert capsys.readouterr().err == shown


def test_the_manifest_that_is_shown_is_valid():
    (shown,) = blocks("reference/manifest.md", "toml")
    assert manifest.validate(tomllib.loads(shown), Path("registry.toml")).namespace == "acme"


def test_the_configuration_that_is_shown_is_valid_and_whole(tmp_path):
    shown = blocks("reference/configuration.md", "toml")[0]
    path = tmp_path / "registry.toml"
    path.write_text(shown)
    assert set(config.read("user", path).data) == set(config._TABLES)


def test_every_variable_of_the_environment_is_told():
    read = {
        name
        for path in (ROOT / "zoo").rglob("*.py")
        for name in re.findall(r"[\"'$`](ZOO_[A-Z_]+)", path.read_text())
    }
    told = set(re.findall(r"^\| `(ZOO_[A-Z_]+)`", text("reference/environment.md"), re.MULTILINE))
    assert read <= told


def test_every_level_of_the_kit_is_told():
    from zoo.testing import LEVELS

    told = re.findall(r"^\| `(\w+)` \|", text("reference/kit.md"), re.MULTILINE)
    assert told == list(LEVELS)


def test_every_public_function_is_told():
    import zoo

    told = set(re.findall(r'heading: "zoo\.(\w+)"', text("reference/python.md")))
    assert told == set(zoo.__all__) - {"__version__", "ZooError"}


def test_every_page_is_in_the_navigation():
    # Not safe_load: the file is read by mkdocs, whose parser is no dependency of ours.
    named = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert named == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}


def test_every_picture_is_there_and_small():
    sheets = list((DOCS / "gallery").iterdir())
    shown = re.findall(r"\]\(gallery/([^)]+)\)", text("gallery.md"))
    assert sorted(shown) == sorted(path.name for path in sheets)
    assert sum(path.stat().st_size for path in sheets) < 900_000


@pytest.mark.parametrize("page", ["reference/models.md", "reference/python.md"])
def test_python_runs_as_shown(page):
    for body in blocks(page, "python"):
        exec(compile(body, page, "exec"), {})


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (tmp_path / "site").rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*src=\"?(https?:[^\"\s>]+)", html)
        loaded += re.findall(r"<link(?![^>]*canonical)[^>]*href=\"?(https?:[^\"\s>]+)", html)
        assert not loaded, f"{path.name}: {loaded}"


@pytest.fixture
def terminal(tmp_path):
    """An environment of its own that has zoo, without an index to fetch from."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    site = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    outer = sysconfig.get_path("purelib")
    (Path(site) / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
    script = home / "bin" / "zoo"
    script.write_text(
        f"#!{home}/bin/python\nimport sys\nfrom zoo.cli.main import main\n"
        'if __name__ == "__main__":\n    sys.exit(main())\n'
    )
    script.chmod(0o755)
    # pip reads the switch as the name of the option: 0 is "no build isolation".
    return os.environ | {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
        "ZOO_CACHE": str(tmp_path / "cache"),
    }


def follow(page: str, folder: Path, environment: dict[str, str]) -> None:
    """Do what a page says from top to bottom: type commands, save files, run Python."""
    for language, title, body in FENCE.findall(text(page)):
        if title:
            name, _, added = title.partition(", ")
            with (folder / name).open("a" if added else "x") as file:
                file.write(f"\n{body}" if added else body)
        elif language == "console":
            for command, shown in typed(body):
                done = run(shlex.split(command), folder, environment)
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
                assert shown in ("", done.stdout), command
        elif language == "python":
            done = run(["python", "-c", body], folder, environment)
            assert done.returncode == 0, done.stderr


def run(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        "tutorial/plugin.md",
        "tutorial/pictures.md",
        "tutorial/training.md",
        "tutorial/weights.md",
        "sharded.md",
    ],
)
def test_a_tutorial_can_be_followed(page, tmp_path, terminal):
    folder = tmp_path / "work"
    folder.mkdir()
    follow(page, folder, terminal)
