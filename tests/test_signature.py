from __future__ import annotations

import inspect
import os
import textwrap
import warnings
from pathlib import Path

import pytest

from zoo.errors import ManifestError
from zoo.option import Option
from zoo.signature import Signature, read

GOOD = '''
"""A module."""

import math
from typing import Literal

WIDTH = 64


def dense(
    features,
    num_classes,
    *,
    units: int = 4096,
    dropout: float = 1,
    shift: float = -0.5,
    pool: Literal["flatten", "avg"] = "flatten",
    bias: bool = True,
    name: str = "a",
    tap: str | None = None,
    layers: tuple[int, ...] = (64, 128),
    range: tuple[float, float] = (0, 1),
):
    """Flatten, then dense layers.

    And more.
    """


def bare(inputs):
    """No options."""


def positional(inputs, /, second):
    """Takes what stands before the star by position."""
'''


@pytest.fixture
def source(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "parts.py"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def test_reads_options_summary_and_line(source) -> None:
    path = source(GOOD)
    assert read(path, "dense") == Signature(
        summary="Flatten, then dense layers.",
        required=("features", "num_classes"),
        options=(
            Option("units", "int", 4096),
            Option("dropout", "float", 1.0),
            Option("shift", "float", -0.5),
            Option("pool", "Literal['flatten', 'avg']", "flatten"),
            Option("bias", "bool", True),
            Option("name", "str", "a"),
            Option("tap", "str | None", None),
            Option("layers", "tuple[int, ...]", (64, 128)),
            Option("range", "tuple[float, float]", (0.0, 1.0)),
        ),
        line=10,
    )
    assert read(path, "bare") == Signature("No options.", ("inputs",), (), 30)
    assert read(path, "positional").required == ("inputs", "second")


def test_agrees_with_inspect(source) -> None:
    """What is read from source is what Python itself sees after an import."""
    path = source(GOOD)
    module: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), module)
    for name in ("dense", "bare", "positional"):
        static, live = read(path, name), inspect.signature(module[name]).parameters.values()
        assert static.required == tuple(p.name for p in live if p.default is p.empty)
        assert [(o.name, o.default) for o in static.options] == [
            (p.name, p.default) for p in live if p.kind is p.KEYWORD_ONLY
        ]
        assert static.summary == inspect.getdoc(module[name]).splitlines()[0]
        assert static.line == inspect.unwrap(module[name]).__code__.co_firstlineno


def test_nothing_runs(source) -> None:
    path = source("raise SystemExit('imported')\n\n" + GOOD)
    assert read(path, "bare").summary == "No options."


def test_an_edit_is_seen(source) -> None:
    path = source('def f(x, *, a: int = 1):\n    """One."""\n')
    assert read(path, "f").options[0].default == 1
    path = source('def f(x, *, a: int = 2):\n    """One."""\n')
    os.utime(path, (1, 1))
    assert read(path, "f").options[0].default == 2


def test_a_file_is_parsed_once(source, monkeypatch: pytest.MonkeyPatch) -> None:
    path = source(GOOD)
    read(path, "dense")
    monkeypatch.setattr("ast.parse", None)
    assert read(path, "bare").summary == "No options."


def test_warnings_of_somebody_elses_source_stay_silent(source) -> None:
    path = source('PATTERN = "\\d"\n\n\ndef f(x):\n    """One."""\n')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path, "f").summary == "One."


def test_the_encoding_of_the_file_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes('# coding: latin-1\ndef f(x):\n    """Größe."""\n'.encode("latin-1"))
    assert read(path, "f").summary == "Größe."


def test_control_characters_do_not_reach_the_terminal(source) -> None:
    path = source('def f(x):\n    """Red \\x1b[31m\\u202ealert."""\n')
    assert read(path, "f").summary == "Red [31malert."


def test_the_last_binding_counts(source) -> None:
    path = source(
        '''
        def f(x):
            """First."""

        def f(x, y):
            """Second."""
        '''
    )
    assert read(path, "f").summary == "Second."


SUPPORTED = (
    "bool, int, float, str, Literal['a', 'b'], tuple[int, ...], tuple[float, float] "
    "and any of them with | None"
)


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        (
            'def f(x, *args):\n    """One."""',
            1,
            "f takes *args, so its options cannot be read",
            "write every option after '*', with an annotation and a default",
        ),
        (
            'def f(x, **kwargs):\n    """One."""',
            1,
            "f takes **kwargs, so its options cannot be read",
            "write every option after '*', with an annotation and a default",
        ),
        (
            'def f(x, width: float = 1.0):\n    """One."""',
            1,
            "'width' of f has a default but stands before '*'",
            "options stand after '*': def part(inputs, *, width: float = 1.0)",
        ),
        (
            'def f(\n    x,\n    *,\n    units: int,\n):\n    """One."""',
            4,
            "option 'units' of f has no default",
            "give it a literal default",
        ),
        (
            'def f(x, *, units=5):\n    """One."""',
            1,
            "option 'units' of f has no annotation",
            f"annotate it; supported: {SUPPORTED}",
        ),
        (
            'N = 5\ndef f(x, *, units: int = N):\n    """One."""',
            2,
            "option 'units' of f has a computed default",
            "write the value itself: the source is read, not run",
        ),
        (
            'def f(x, *, units: int = 4 * 1024):\n    """One."""',
            1,
            "option 'units' of f has a computed default",
            "write the value itself: the source is read, not run",
        ),
        (
            'def f(x, *, units: int = int("5")):\n    """One."""',
            1,
            "option 'units' of f has a computed default",
            "write the value itself: the source is read, not run",
        ),
        (
            'def f(x, *, units: int = 5.0):\n    """One."""',
            1,
            "option 'units' of f is annotated int but its default does not fit: "
            "takes int, received 5.0",
            "make the annotation and the default agree",
        ),
        (
            'def f(x, *, units: int = None):\n    """One."""',
            1,
            "option 'units' of f is annotated int but its default does not fit: "
            "takes int, received None",
            "make the annotation and the default agree",
        ),
        (
            'def f(x, *, units: int = True):\n    """One."""',
            1,
            "option 'units' of f is annotated int but its default does not fit: "
            "takes int, received True",
            "make the annotation and the default agree",
        ),
        (
            'def f(x, *, pool: Literal["a", "b"] = "c"):\n    """One."""',
            1,
            "option 'pool' of f is annotated Literal['a', 'b'] but its default does not fit: "
            "takes a or b, received 'c'",
            "make the annotation and the default agree",
        ),
        (
            'def f(x, *, name: str = "a b"):\n    """One."""',
            1,
            "option 'name' of f is annotated str but its default does not fit: "
            "takes text of letters, digits and . _ / @ % -, received 'a b'",
            "make the annotation and the default agree",
        ),
        (
            'def f(x, *, units: tuple[int, ...] = [1]):\n    """One."""',
            1,
            "option 'units' of f is annotated tuple[int, ...] but its default does not fit: "
            "takes a comma list of int, received a list",
            "make the annotation and the default agree",
        ),
        (
            'def f(x, *, units: list[int] = 1):\n    """One."""',
            1,
            f"option 'units' of f has the annotation list[int]; supported: {SUPPORTED}",
            None,
        ),
        (
            'def f(x, *, units: "int |" = 1):\n    """One."""',
            1,
            "option 'units' of f has an annotation that cannot be read",
            None,
        ),
        (
            'def f(x, *, Units: int = 1):\n    """One."""',
            1,
            "option 'Units' of f is no option name",
            "use a-z, 0-9 and _, a letter first",
        ),
        (
            "def f(x):\n    return x",
            1,
            "f has no docstring",
            "its first line is what `zoo list` shows; write one useful sentence",
        ),
        (
            'def f(x):\n    """  """',
            1,
            "f has no docstring",
            "its first line is what `zoo list` shows; write one useful sentence",
        ),
        (
            "from elsewhere import f",
            1,
            "'f' is imported, not a function",
            "name the module that defines it in the target",
        ),
        (
            "import elsewhere as f",
            1,
            "'f' is imported, not a function",
            "name the module that defines it in the target",
        ),
        (
            'def g(x):\n    """One."""\nf = partial(g, 1)',
            3,
            "'f' is assigned, not a function",
            "write it as a def, so that its options can be read",
        ),
        (
            'def f(x):\n    """One."""\nf = cached(f)',
            3,
            "'f' is assigned, not a function",
            "write it as a def, so that its options can be read",
        ),
        (
            "f: Callable = lambda x: x",
            1,
            "'f' is assigned, not a function",
            "write it as a def, so that its options can be read",
        ),
        (
            "a, (b, f) = 1, (2, 3)",
            1,
            "'f' is assigned, not a function",
            "write it as a def, so that its options can be read",
        ),
        (
            'class f:\n    """One."""',
            1,
            "'f' is a class, not a function",
            "a part is a plain function",
        ),
        (
            'async def f(x):\n    """One."""',
            1,
            "'f' is async, not a function",
            "a part is a plain function",
        ),
        (
            'def g(x):\n    """One."""\ndef h(x):\n    """Two."""',
            1,
            "no function 'f' at the top level",
            "functions there: g, h",
        ),
        (
            'if True:\n    def f(x):\n        """One."""',
            1,
            "no function 'f' at the top level",
            "functions there: none",
        ),
        ("", 1, "no function 'f' at the top level", "functions there: none"),
        ("def f(x:\n", 1, "'(' was never closed", "mend the file"),
        (
            f"def f(x, *, units: int = {'1+' * 600}1):\n    'One.'",
            1,
            "option 'units' of f has a computed default",
            "write the value itself: the source is read, not run",
        ),
        (
            f"def f(x, *, units: {'a.' * 600}a = 1):\n    'One.'",
            1,
            "option 'units' of f has an annotation that cannot be read",
            f"supported: {SUPPORTED}",
        ),
        ("x = " + "(" * 5000, 1, "too many nested parentheses", "mend the file"),
    ],
)
def test_refuses(source, text: str, line: int, message: str, hint: str | None) -> None:
    path = source(text)
    with pytest.raises(ManifestError) as caught:
        read(path, "f")
    assert caught.value.message == f"{path}:{line}: {message}"
    if hint is not None:
        assert caught.value.hint == hint
    assert caught.value.hint


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "parts.py"
    for missing, reason in ((path, "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(ManifestError) as caught:
            read(missing, "f")
        assert str(caught.value) == (
            f"{missing}: {reason}\n"
            "  hint: a target is package.module:function, and its source is shipped"
        )


@pytest.mark.parametrize("text", ["x = 1\ny = \x00", "x = " + "-" * 100_000 + "1", "\ud800"])
def test_what_python_cannot_parse(tmp_path: Path, text: str) -> None:
    path = tmp_path / "parts.py"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ManifestError) as caught:
        read(path, "f")
    assert caught.value.message.startswith(f"{path}:")
    assert caught.value.hint == "mend the file"
    assert len(caught.value.message.splitlines()) == 1
