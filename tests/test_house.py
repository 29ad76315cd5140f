"""The rules of the house: who may import whom, who prints, what a quick command may load."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "matplotlib",
    "scipy",
    "keras",
    "tensorflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "tf2onnx",
    "sklearn",
    "PIL",
    "jax",
}
PLUGINS = {path.name for path in ROOT.glob("plugins/*/zoo_*")}


def imports(path: Path, *, everywhere: bool) -> Iterator[tuple[str, int]]:
    """(module, line) of the imports of a file: those at module level, or all of them."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else _at_module_level(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _at_module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def broken(files: Iterator[Path] | list[Path], rule, *, everywhere: bool = False) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in files
        for module, line in imports(path, everywhere=everywhere)
        if rule(module)
    ]


def light() -> list[Path]:
    heavy = (ROOT / "zoo" / "engine", ROOT / "zoo" / "testing")
    return [p for p in ROOT.glob("zoo/**/*.py") if not any(h in p.parents for h in heavy)]


def test_the_light_side_loads_nothing_heavy():
    found = broken(light(), lambda module: within(module, *HEAVY))
    assert not found, "move the import into the function, or the code into zoo/engine"


def test_commands_load_the_engine_inside_the_function():
    found = broken(light(), lambda module: within(module, "zoo.engine"))
    assert not found, "import zoo.engine inside the command, after its arguments were checked"


def test_the_core_names_no_plugin():
    found = broken(
        list(ROOT.glob("zoo/**/*.py")), lambda m: m.split(".")[0] in PLUGINS, everywhere=True
    )
    assert not found, "take the function from the registry"


def test_the_engine_does_not_know_the_command_line():
    files = list(ROOT.glob("zoo/engine/**/*.py")) + list(ROOT.glob("zoo/*.py"))
    assert not broken(files, lambda module: within(module, "zoo.cli"), everywhere=True)


@pytest.mark.parametrize("name", ["spec", "option", "signature", "manifest", "recipe", "part"])
def test_what_is_read_depends_on_nothing_that_reads_it(name):
    above = ("zoo.registry", "zoo.plugins", "zoo.discovery", "zoo.engine", "zoo.cli")
    files = [ROOT / "zoo" / f"{name}.py"]
    assert not broken(files, lambda module: within(module, *above), everywhere=True)


def test_a_plugin_imports_the_public_door_and_no_other_plugin():
    found = []
    for package in ROOT.glob("plugins/*/zoo_*"):
        others = PLUGINS - {package.name}
        found += broken(
            list(package.glob("**/*.py")),
            lambda module, others=others: (
                (within(module, "zoo") and not within(module, "zoo", "zoo.api"))
                or (module.startswith("zoo.") and not within(module, "zoo.api"))
                or module.split(".")[0] in others
            ),
            everywhere=True,
        )
    assert not found, "a plugin imports zoo.api, keras and numpy"


def test_models_are_written_for_every_backend():
    files = list(ROOT.glob("plugins/**/*.py"))
    assert not broken(files, lambda module: within(module, "tensorflow"), everywhere=True)


def test_one_module_prints():
    speakers = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}
    found = []
    for path in ROOT.glob("zoo/**/*.py"):
        # Templates are programs of their own, copied beside exported models.
        if path.name == "show.py" or "templates" in path.parts:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in speakers
        ]
    assert not found, "give the text to zoo.cli.show, or log it"


@pytest.mark.parametrize("words", [["--help"], ["list", "--json"], ["info", "vgg16bn"]])
def test_a_quick_command_loads_nothing_heavy(words, tmp_path):
    code = (
        "import sys, json\nfrom zoo.cli.main import main\n"
        f"main({words!r})\n"
        "print('\\n' + json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    environment = os.environ | {"ZOO_CACHE": str(tmp_path)}
    for _ in range(2):  # the first call fills the index, the second is what a user sees
        child = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    loaded = set(json.loads(child.stderr.splitlines()[-1]))
    assert not loaded & (HEAVY | {"pydantic", "rich"})
    assert not {name for name in loaded if name.split(".")[0] in PLUGINS}
