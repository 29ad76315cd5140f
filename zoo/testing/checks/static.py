"""What can be told by reading: names, words, licences, pins."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from zoo.part import Part
from zoo.testing.subject import Skip, Subject


def name_follows_the_function(subject: Subject) -> None:
    """The kebab-case name and the snake_case function are one to one."""
    name = subject.part.id.split("/")[-1]
    function = subject.part.target.split(":")[1]
    expected = re.sub(r"[-.]", "_", name.replace("++", "_plus_plus"))
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
    assert subject.part.license, f"write license = ... under [{subject.part.kind}.NAME]"


def weights_are_stated_in_full(subject: Subject) -> None:
    """Each set of weights names its licence, its classes and its normalisation."""
    if not subject.part.weights:
        raise Skip("no pretrained weights")
    for tag, weights in subject.part.weights.items():
        assert weights.classes, f"@{tag} does not say which classes its classifier knows"
        assert "mean" in weights.normalization, f"@{tag} does not say how pictures are normalised"


def imports_only_the_public_door(subject: Subject) -> None:
    """The module imports zoo.api and nothing else of zoo, and no other plugin."""
    for node in ast.walk(ast.parse(Path(subject.part.file).read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            assert name.split(".")[0] != "zoo" or name == "zoo.api", (
                f"{subject.part.file}:{node.lineno} imports {name}; import zoo.api"
            )
            assert name.split(".")[0] != "tensorflow", (
                f"{subject.part.file}:{node.lineno} imports tensorflow; use keras.ops, which runs "
                "on every backend"
            )


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
    weights_are_stated_in_full,
    imports_only_the_public_door,
)
