"""One option of a part: its annotation decides how a value is read and written.

Nothing is guessed from a value: `1` is a float for `width: float` and text for `name: str`, and
what `float()` and `int()` are lenient about (`nan`, `1_0`) is refused.
"""

from __future__ import annotations

import ast
import math
import numbers
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SUPPORTED = (
    "bool, int, float, str, Literal['a', 'b'], tuple[int, ...], tuple[float, float] "
    "and any of them with | None"
)

_INT = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]-?[0-9]+)?")
# What a name can carry: no separator of the grammar, and nothing that a shell would read.
_WORD = re.compile(r"[\w./@%-]*")
_LARGEST_INT = 2**63 - 1

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
quote = _short.repr
"""`repr` for messages: long values are cut in the middle."""


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword of a part's function that the user may set.

    Args:
        name: The keyword, `units`.
        type: The annotation in its normal spelling, see `normalize`.
        default: The value when the user says nothing.
    """

    name: str
    type: str
    default: Any

    @property
    def accepts(self) -> str:
        """What a value may be, in words: `int`, `'avg' or 'max'`, `int or none`."""
        return _reader(self.type).accepts

    def parse(self, text: str) -> Any:
        """Read a value as it stands in a name.

        Raises:
            ValueError: The text is no such value; the message reads `takes int, received '5.5'`.
        """
        return _reader(self.type).parse(text)

    def check(self, value: Any) -> Any:
        """Return a value given from Python in its exact type: ints become floats, lists tuples.

        Raises:
            ValueError: The value does not fit; the message reads `takes int, received 5.5`.
        """
        return _reader(self.type).check(value)

    def format(self, value: Any) -> str:
        """Write a value as `parse` reads it."""
        return spell(value)

    def to_json(self) -> dict[str, Any]:
        """Return the option as values that JSON holds."""
        return {"name": self.name, "type": self.type, "default": self.default}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Option:
        """Return the option that `to_json` described, also after a trip through JSON text."""
        default = document["default"]
        return cls(
            document["name"],
            document["type"],
            tuple(default) if isinstance(default, list) else default,
        )


CORE: Mapping[str, tuple[Option, ...]] = {"backbone": (Option("tap", "str", "last"),)}
"""Options that zoo gives every part of a kind, beside those of its function.

`tap` cuts a backbone at one of its taps or layers: `inception-v3:tap=mixed7`.
"""


def spell(value: Any) -> str:
    """Write an option's value for a name: `true`, `none`, `0.5`, `1e16`, `64,128`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace("+", "")  # 1e+16: '+' joins parts
    if isinstance(value, tuple):
        return ",".join(spell(item) for item in value)
    return str(value)


def normalize(annotation: str | ast.expr) -> str:
    """Return an annotation in the one spelling that `Option.type` uses.

    Args:
        annotation: Source text or its syntax tree, such as `typing.Literal["a"]` or `None | int`.

    Returns:
        The spelling, such as `Literal['a']` or `int | None`.

    Raises:
        ValueError: The annotation is not among those an option can have.
    """
    try:
        if isinstance(annotation, str):
            annotation = ast.parse(annotation, mode="eval").body
        return _read(annotation).type
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("has an annotation that cannot be read") from None


@dataclass(frozen=True, slots=True)
class _Reader:
    """How values of one annotation are read; `parse` and `check` raise ValueError."""

    type: str
    accepts: str
    parse: Callable[[str], Any]
    check: Callable[[Any], Any]


@lru_cache(maxsize=256)
def _reader(type_: str) -> _Reader:
    return _read(ast.parse(type_, mode="eval").body)


def _read(node: ast.expr) -> _Reader:
    """Turn an annotation into its reader."""
    match node:
        case ast.Constant(value=str(quoted)):
            return _read(ast.parse(quoted, mode="eval").body)
        case ast.Name(id=("bool" | "int" | "float" | "str") as name):
            return _SCALARS[name]
        case (
            ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=some)
            | ast.BinOp(left=some, op=ast.BitOr(), right=ast.Constant(value=None))
        ):
            return _optional(_read(some))
        case ast.Subscript(value=generic, slice=arguments):
            items = arguments.elts if isinstance(arguments, ast.Tuple) else [arguments]
            match generic:
                case ast.Name(id="Literal") | ast.Attribute(attr="Literal"):
                    return _literal(items)
                case ast.Name(id="tuple"):
                    return _tuple(items)
    raise ValueError(f"has the annotation {ast.unparse(node)}; supported: {SUPPORTED}")


def _refuse(accepts: str, value: Any) -> ValueError:
    return ValueError(f"takes {accepts}, received {quote(value)}")


def _parse_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise _refuse("true or false", text)
    return text == "true"


def _check_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse("True or False", value)
    return value


def _parse_int(text: str) -> int:
    # Longer digits are refused unread: int() is quadratic in them.
    if not _INT.fullmatch(text):
        raise _refuse("int", text)
    if len(text) > 20 or abs(int(text)) > _LARGEST_INT:
        raise _refuse("int of 64 bits", text)
    return int(text)


def _check_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise _refuse("int", value)
    if abs(int(value)) > _LARGEST_INT:
        raise _refuse("int of 64 bits", value)
    return int(value)


def _parse_float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise _refuse("float", text)
    value = float(text)
    if not math.isfinite(value):
        raise _refuse("finite float", text)
    return value + 0.0  # -0.0 becomes 0.0, so that equal values are spelt alike


def _check_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _refuse("float", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _refuse("finite float", value)
    return number + 0.0


def _check_str(value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse("str", value)
    if not _WORD.fullmatch(value):
        raise _refuse("text of letters, digits and . _ / @ % -", value)
    return str(value)


_SCALARS = {
    "bool": _Reader("bool", "true or false", _parse_bool, _check_bool),
    "int": _Reader("int", "int", _parse_int, _check_int),
    "float": _Reader("float", "float", _parse_float, _check_float),
    "str": _Reader("str", "str", _check_str, _check_str),
}


def _optional(some: _Reader) -> _Reader:
    accepts = f"{some.accepts} or none"
    if some.type.startswith("Literal[") and "'none'" in some.type:
        raise ValueError("spells both None and 'none' as none")

    def parse(text: str) -> Any:
        if text == "none":
            return None
        try:
            return some.parse(text)
        except ValueError:
            raise _refuse(accepts, text) from None

    def check(value: Any) -> Any:
        if value is None:
            return None
        try:
            fitting = some.check(value)
        except ValueError:
            raise _refuse(accepts, value) from None
        if spell(fitting) == "none":
            raise ValueError(f"takes None for none, received {quote(value)}")
        return fitting

    return _Reader(f"{some.type} | None", accepts, parse, check)


def _literal(items: Iterable[ast.expr]) -> _Reader:
    choices: dict[str, str | int] = {}
    for item in items:
        try:
            choice = ast.literal_eval(item)
        except ValueError:
            choice = None
        if isinstance(choice, bool) or not isinstance(choice, str | int):
            raise ValueError(f"has the choice {ast.unparse(item)}; Literal holds text and int")
        text = spell(choice)
        if not text or not _WORD.fullmatch(text):
            raise ValueError(f"has the choice {choice!r}, which a name cannot carry")
        if text in choices:
            raise ValueError(f"has the choice {text} twice")
        choices[text] = choice
    spelt = list(choices)
    accepts = " or ".join(filter(None, [", ".join(spelt[:-1]), spelt[-1]]))

    def parse(text: str) -> Any:
        if text not in choices:
            raise _refuse(accepts, text)
        return choices[text]

    def check(value: Any) -> Any:
        for choice in choices.values():
            if type(value) is type(choice) and value == choice:
                return choice
        raise _refuse(accepts, value)

    return _Reader(f"Literal[{', '.join(map(repr, choices.values()))}]", accepts, parse, check)


def _tuple(items: list[ast.expr]) -> _Reader:
    match items:
        case [ast.Name(id=("int" | "float" | "str") as name), ast.Constant(value=value)] if (
            value is ...
        ):
            readers, many = [_SCALARS[name]], True
        case [*names] if names and all(
            isinstance(n, ast.Name) and n.id in ("int", "float", "str") for n in names
        ):
            readers, many = [_SCALARS[ast.unparse(n)] for n in names], False
        case _:
            raise ValueError(f"has a tuple of something else; supported: {SUPPORTED}")
    spelt = ", ".join(reader.type for reader in readers)
    accepts = f"a comma list of {spelt}" if many else ",".join(r.type for r in readers)

    def pair(values: Sequence[Any], received: Any) -> Iterable[tuple[_Reader, Any]]:
        matched = readers * len(values) if many else readers
        # An empty element could not be told from an empty list.
        if len(matched) != len(values) or "" in values:
            raise _refuse(accepts, received)
        return zip(matched, values, strict=True)

    def parse(text: str) -> tuple[Any, ...]:
        values = text.split(",") if text else []
        try:
            return tuple(reader.parse(value) for reader, value in pair(values, text))
        except ValueError:
            raise _refuse(accepts, text) from None

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list):
            raise _refuse(accepts, value)
        try:
            return tuple(reader.check(item) for reader, item in pair(value, value))
        except ValueError:
            raise _refuse(accepts, value) from None

    return _Reader(f"tuple[{spelt}, ...]" if many else f"tuple[{spelt}]", accepts, parse, check)
