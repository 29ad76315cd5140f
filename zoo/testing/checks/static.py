"""What can be told by reading: names, words, licences, imports."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from zoo import signature
from zoo.part import Part
from zoo.registry import load
from zoo.testing.subject import Skip, Subject


def name_follows_the_function(subject: Subject) -> None:
    """The kebab-case name and the snake_case function are one to one."""
    name = subject.part.id.split("/")[-1]
    function = subject.part.target.split(":")[1]
    expected = re.sub(r"[-.]", "_", name)
    if signature.read(Path(subject.part.file), function).options != subject.part.options:
        # With a default of its own, one function has several names.
        assert expected.startswith(f"{function}_"), f"{name} does not begin with {function}"
        return
    assert function == expected, f"{name} is given by {function}(), expected {expected}()"


def summary_is_a_sentence(subject: Subject) -> None:
    """The docstring's first line is one useful sentence, of at most 100 characters."""
    summary = subject.part.summary
    assert summary.endswith("."), f"the summary does not end in a full stop: {summary!r}"
    assert 12 <= len(summary) <= 100, f"the summary has {len(summary)} characters: {summary!r}"


def every_option_is_explained(subject: Subject) -> None:
    """Each option stands in the docstring under Args."""
    docstring = _docstring(subject.part)
    missing = [
        option.name
        for option in subject.part.options
        if not re.search(rf"^\s*{option.name}( \(.*\))?:", docstring, re.MULTILINE)
    ]
    assert not missing, f"the docstring does not explain {', '.join(missing)}"


def licence_is_stated(subject: Subject) -> None:
    """The manifest names the licence of the code."""
    part = subject.part
    assert part.license, f"write license = ... under [{part.kind}.{part.id.split('/')[-1]}]"


def weights_say_how_to_look(subject: Subject) -> None:
    """Each set of weights says how pictures are normalised."""
    if not subject.part.weights:
        raise Skip("no pretrained weights")
    # Read again: the manifest as written tells what was left to its defaults.
    manifest = tomllib.loads(Path(subject.plugin.manifest).read_text(encoding="utf-8"))
    name = subject.part.id.split("/")[-1]
    # A part that is known at run time only stands in no manifest, and all of its row was read.
    rows = manifest.get("backbone", {}).get(name, {}).get("weights", {})
    for tag, row in rows.items():
        assert "normalization" in row, f"@{tag} does not say how pictures are normalised"


def weights_name_their_licence(subject: Subject) -> None:
    """Each set of weights names its licence, which is often not that of the code."""
    if not subject.part.weights:
        raise Skip("no pretrained weights")
    for tag, weights in subject.part.weights.items():
        assert weights.license, f"@{tag} does not name the licence of the weights"


def imports_only_the_public_door(subject: Subject) -> None:
    """The part's modules import zoo.api and nothing else of zoo, no TensorFlow, no other plugin."""
    others = {each.package for each in load().plugins if each.state == "ready"}
    others.discard(subject.plugin.package)
    for file, name, line in _imports(subject):
        top = name.split(".")[0]
        assert top != "zoo" or name == "zoo.api", f"{file}:{line} imports {name}; import zoo.api"
        assert top != "tensorflow", (
            f"{file}:{line} imports tensorflow; use keras.ops, which runs on every backend"
        )
        assert top not in others, f"{file}:{line} imports {top}, which is another plugin"


def _imports(subject: Subject) -> Iterator[tuple[Path, str, int]]:
    """File, module and line of each import of the part's module and of those it needs."""
    root = Path(subject.plugin.manifest).parent
    waiting, seen = [Path(subject.part.file)], set()
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for name in _modules(node, file, root):
                yield file, name, node.lineno
                package, *inside = name.split(".")
                if package == root.name:
                    module = root.joinpath(*inside)
                    waiting += [module.with_suffix(".py"), module / "__init__.py"]


def _modules(node: ast.AST, file: Path, root: Path) -> list[str]:
    """The modules that a statement may import, from the top."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        inside = file.relative_to(root.parent).parts[: -node.level]
        base = ".".join((*inside, base)).rstrip(".")
    if base.split(".")[0] == root.name:
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [f"{base}.{alias.name}" for alias in node.names] if base == "zoo" else [base]


def _docstring(part: Part) -> str:
    tree = ast.parse(Path(part.file).read_text(encoding="utf-8"))
    function = part.target.split(":")[1]
    (node,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    return ast.get_docstring(node) or ""


CHECKS = (
    name_follows_the_function,
    summary_is_a_sentence,
    every_option_is_explained,
    licence_is_stated,
    weights_say_how_to_look,
    weights_name_their_licence,
    imports_only_the_public_door,
)
