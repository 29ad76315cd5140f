"""Read a part's options and summary from its source, without importing it.

The signature is the schema: what stands before `*` comes from zoo, what stands after it are the
user's options, and the docstring's first line is the help. It is read as data, so that listing a
thousand parts runs none of their code.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.errors import ManifestError
from zoo.option import SUPPORTED, Option, normalize

_KEY = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Signature:
    """What the source of a part's function says.

    Args:
        summary: First line of the docstring.
        required: Names of the arguments that zoo supplies, in order.
        options: The user's options in the order they are written.
        line: Line of the `def`, counted from 1.
    """

    summary: str
    required: tuple[str, ...]
    options: tuple[Option, ...]
    line: int


def read(path: Path, function: str) -> Signature:
    """Read the signature of a top-level function.

    Args:
        path: The source file; it is parsed once, however many of its functions are read.
        function: Name of the function.

    Raises:
        ManifestError: The file cannot be read, or the function is none that zoo can offer; the
            message begins with `file:line`.
    """
    node = _function(path, function)
    where = f"{path}:{node.lineno}"
    arguments = node.args
    if star := arguments.vararg or arguments.kwarg:
        mark = "*" if arguments.vararg else "**"
        raise ManifestError(
            f"{where}: {function} takes {mark}{star.arg}, so its options cannot be read",
            "write every option after '*', with an annotation and a default",
        )
    if arguments.defaults:
        late = (arguments.posonlyargs + arguments.args)[-len(arguments.defaults)].arg
        raise ManifestError(
            f"{where}: '{late}' of {function} has a default but stands before '*'",
            "options stand after '*': def part(inputs, *, width: float = 1.0)",
        )
    return Signature(
        summary=_summary(node, where),
        required=tuple(argument.arg for argument in arguments.posonlyargs + arguments.args),
        options=tuple(
            _option(path, function, argument, default)
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        ),
        line=node.lineno,
    )


def _option(path: Path, function: str, argument: ast.arg, default: ast.expr | None) -> Option:
    where = f"{path}:{argument.lineno}: option '{argument.arg}' of {function}"
    if not _KEY.fullmatch(argument.arg):
        raise ManifestError(f"{where} is no option name", "use a-z, 0-9 and _, a letter first")
    if argument.annotation is None:
        raise ManifestError(f"{where} has no annotation", f"annotate it; supported: {SUPPORTED}")
    if default is None:
        raise ManifestError(f"{where} has no default", "give it a literal default")
    try:
        type_ = normalize(argument.annotation)
    except ValueError as error:
        raise ManifestError(f"{where} {error}", f"supported: {SUPPORTED}") from None
    try:
        value: Any = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ManifestError(
            f"{where} has a computed default",
            "write the value itself: the source is read, not run",
        ) from None
    option = Option(argument.arg, type_, value)
    try:
        if isinstance(value, list):
            raise ValueError(f"takes {option.accepts}, received a list")
        return Option(argument.arg, type_, option.check(value))
    except ValueError as error:
        raise ManifestError(
            f"{where} is annotated {type_} but its default does not fit: {error}",
            "make the annotation and the default agree",
        ) from None


def _summary(node: ast.FunctionDef, where: str) -> str:
    lines = (ast.get_docstring(node) or "").splitlines()
    # Control characters would reach the terminal of whoever lists the part.
    summary = "".join(c for c in lines[0] if c.isprintable()).strip() if lines else ""
    if not summary:
        raise ManifestError(
            f"{where}: {node.name} has no docstring",
            "its first line is what `zoo list` shows; write one useful sentence",
        )
    return summary


def _function(path: Path, name: str) -> ast.FunctionDef:
    """Return the top-level `def` that the name is bound to when the module is imported."""
    try:
        state = path.stat()
        bindings = _bindings(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ManifestError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}",
            "a target is package.module:function, and its source is shipped",
        ) from None
    node = bindings.get(name)
    if isinstance(node, ast.FunctionDef):
        return node
    if node is None:
        known = sorted(n for n, b in bindings.items() if isinstance(b, ast.FunctionDef))
        raise ManifestError(
            f"{path}:1: no function '{name}' at the top level",
            f"functions there: {', '.join(known) or 'none'}",
        )
    match node:
        case ast.Import() | ast.ImportFrom():
            remedy = "name the module that defines it in the target"
            what = "imported"
        case ast.ClassDef():
            remedy, what = "a part is a plain function", "a class"
        case ast.AsyncFunctionDef():
            remedy, what = "a part is a plain function", "async"
        case _:
            remedy, what = "write it as a def, so that its options can be read", "assigned"
    raise ManifestError(f"{path}:{node.lineno}: '{name}' is {what}, not a function", remedy)


@lru_cache(maxsize=32)
def _bindings(path: Path, mtime_ns: int, size: int) -> dict[str, ast.stmt]:
    """Map each top-level name of a file to the statement that binds it last."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of somebody else's "\d"
            module = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise ManifestError(f"{path}:{error.lineno or 1}: {error.msg}", "mend the file") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ManifestError(f"{path}:1: not Python source: {error}", "mend the file") from None
    bindings: dict[str, ast.stmt] = {}
    for node in module.body:
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                bindings[name] = node
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    bindings[(alias.asname or alias.name).partition(".")[0]] = node
            case ast.Assign(targets=targets):
                for target in targets:
                    for leaf in ast.walk(target):
                        if isinstance(leaf, ast.Name):
                            bindings[leaf.id] = node
            case ast.AnnAssign(target=ast.Name(id=name)):
                bindings[name] = node
    return bindings
