"""Names of models and parts: text to spec and back, exact inverses.

`vgg16bn@imagenet+dense-bn:dropout=0.3` is a whole model: one backbone, one head, told apart by
position, with values read by their option's annotation. The canonical spelling, which `str()`
gives, sorts options, drops what the part does anyway and needs no quoting in a shell. A name that
cannot be read is answered with all its faults at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from zoo import suggest
from zoo.catalog import Catalog, CatalogPart
from zoo.errors import Fault, PluginError, SpecError
from zoo.grammar import EXAMPLE, Word, Words, scan
from zoo.option import CORE, Option, quote, spell
from zoo.part import KINDS

__all__ = ["Catalog", "CatalogPart", "Fault", "ModelSpec", "PartSpec", "parse", "parse_part"]

_LONGEST = 1000  # a sensible name has some two hundred characters
_MOST_FAULTS = 20  # what has more is no name
_FILES = (
    ".keras",
    ".h5",
    ".onnx",
    ".tflite",
    ".safetensors",
    ".zip",
    ".toml",
    ".json",
    ".png",
    "/",
)


@dataclass(frozen=True)
class PartSpec:
    """One part by name.

    Args:
        kind: backbone, head, policy or interpreter.
        name: Its id, such as `dense-bn` or `acme/vgg19bn`.
        tag: Which weights, or None for random initialisation.
        options: The values that differ from what the part does anyway.
    """

    kind: str
    name: str
    tag: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = MappingProxyType(dict(sorted(self.options.items())))
        object.__setattr__(self, "options", ordered)

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.tag, *self.options.items()))

    def __str__(self) -> str:
        tag = f"@{self.tag}" if self.tag else ""
        options = (f":{key}={spell(value)}" for key, value in self.options.items())
        return "".join([self.name, tag, *options])


@dataclass(frozen=True)
class ModelSpec:
    """A backbone and the head on it; `str()` gives the canonical name."""

    backbone: PartSpec
    head: PartSpec

    def __str__(self) -> str:
        return f"{self.backbone}+{self.head}"


def parse(text: str, catalog: Catalog) -> ModelSpec:
    """Read the name of a model.

    Args:
        text: A name such as `vgg16bn@imagenet+dense-bn:dropout=0.3`.
        catalog: The parts there are.

    Returns:
        The spec; `str()` of it is the canonical name.

    Raises:
        SpecError: The text names no model; its `faults` tell all that is wrong.
    """
    reader = _Reader("model", text, catalog)
    match reader.parts():
        case [only]:
            reader.lone(only)
        case [first, second]:
            if reader.swapped(first, second):
                reader.resolve("head", first)
                reader.resolve("backbone", second)
            else:
                backbone = reader.resolve("backbone", first)
                head = reader.resolve("head", second)
                if backbone and head and not reader.faults:
                    return ModelSpec(backbone, head)
        case parts:
            reader.crowd(parts)
    raise reader.error()


def parse_part(kind: str, text: str, catalog: Catalog) -> PartSpec:
    """Read the name of one part.

    Args:
        kind: backbone, head, policy or interpreter.
        text: A name such as `light:rotation=10`.
        catalog: The parts there are.

    Returns:
        The spec; `str()` of it is the canonical name.

    Raises:
        SpecError: The text names no such part; its `faults` tell all that is wrong.
    """
    reader = _Reader(kind, text, catalog)
    first, *more = reader.parts()
    part = reader.resolve(kind, first)
    if more:
        hint = f"write one name, e.g. {reader.example(kind)}"
        reader.fault(f"expected one {kind}, found {1 + len(more)} parts", more[0].column, hint)
    if part is None or reader.faults:
        raise reader.error()
    return part


class _Reader:
    """Reads one text against a catalog; faults are noted, and reading goes on."""

    def __init__(self, noun: str, text: str, catalog: Catalog) -> None:
        self.noun = noun
        self.text = text
        self.catalog = catalog
        self.faults: list[Fault] = []
        self.found: dict[tuple[str, str], CatalogPart | PluginError | None] = {}
        self.form = EXAMPLE if noun == "model" else "write name:option=value"

    def parts(self) -> list[Words]:
        """Split the text into parts as they are written."""
        article = _a(self.noun)
        if not isinstance(self.text, str):
            raise SpecError(f"{article} name is text, received {quote(self.text)}", self.form)
        if len(self.text) > _LONGEST:
            raise SpecError(
                f"{article} name has at most {_LONGEST} characters, received {len(self.text)}",
                self.form,
            )
        if self.is_path():
            self.path()
            raise self.error()
        parts, faults = scan(self.text, self.is_part)
        self.faults += faults
        return parts

    def is_path(self) -> bool:
        """Whether the text can only be a file."""
        if "\\" in self.text or self.text[1:3] == ":/":
            return True
        bare = re.split("[:(@]", self.text)[0]  # values may hold '/' and '.'
        if any(name.startswith(("/", ".", "~")) or name.count("/") > 1 for name in bare.split("+")):
            return True
        if bare != self.text or not bare.lower().endswith(_FILES):
            return False
        return not self.is_part(bare.split("+")[-1])

    # -- what the parts are

    def look(self, kind: str, name: str) -> CatalogPart | PluginError | None:
        """Find a part by id or alias; a broken one is returned as its error."""
        if (kind, name) not in self.found:
            self.found[kind, name] = self._find(kind, name)
        return self.found[kind, name]

    def _find(self, kind: str, name: str) -> CatalogPart | PluginError | None:
        try:
            found = self.catalog.find(kind, name.removeprefix("zoo/"))
            alias = None if found else self.catalog.alias(name)
            return self.catalog.find(kind, alias.removeprefix("zoo/")) if alias else found
        except PluginError as error:
            return error

    def is_part(self, name: str) -> bool:
        """Whether any kind has a part of this name."""
        return any(self.look(kind, name) for kind in KINDS)

    def is_a(self, kind: str, part: Words) -> bool:
        """Whether a part of this kind has the name, broken or not."""
        return part.name is not None and self.look(kind, part.name) is not None

    def swapped(self, first: Words, second: Words) -> bool:
        """Note a head and a backbone in the wrong order."""
        if self.is_a("backbone", first) or not self.is_a("head", first):
            return False
        if self.is_a("head", second) or not self.is_a("backbone", second):
            return False
        hint = f"write {self.written(second)}+{self.written(first)}"
        self.fault(f"expected a backbone, found the head {first.name!r}", first.column, hint)
        return True

    def lone(self, part: Words) -> None:
        """Note what a part alone lacks to be a model."""
        written = self.written(part)
        if self.is_a("head", part) and not self.is_a("backbone", part):
            self.resolve("head", part)
            hint = f"write backbone+{written}, e.g. {self.example('backbone')}+{written}"
            self.fault("a model needs exactly one backbone, found 0", part.column, hint)
            return
        name = part.name or ""
        namespace, slash, _ = name.partition("/")
        known = self.is_part(name)
        if slash and not (known or self.is_namespace(namespace) or self.catalog.package(name)):
            self.path()
            return
        self.resolve("backbone", part)
        if self.is_a("backbone", part):
            hint = f"write {written}+head, e.g. {written}+{self.example('head')}"
            self.fault("a model needs exactly one head, found 0", part.end, hint)
        elif name and not known:
            self.fault("a model needs exactly one head, found 0", part.end, EXAMPLE)

    def is_namespace(self, text: str) -> bool:
        """Whether some part has this namespace."""
        return any(
            name.startswith(f"{text}/") for kind in KINDS for name in self.catalog.names(kind)
        )

    def path(self) -> None:
        """Note that someone put a file where a name belongs."""
        self.fault(f"this looks like a file path, not {_a(self.noun)} name", 0, self.form)

    def crowd(self, parts: list[Words]) -> None:
        """Note what is wrong with three parts and more."""
        first, *rest = parts
        backbones = [p for p in rest if self.is_a("backbone", p) and not self.is_a("head", p)]
        self.resolve("backbone", first)
        for part in rest[:3]:  # enough to help with; looking for similar names is slow
            if part not in backbones:
                self.resolve("head", part)
        if backbones and not self.is_a("head", first):
            message = f"a model needs exactly one backbone, found {1 + len(backbones)}"
            self.fault(message, backbones[0].column, EXAMPLE)
        elif not backbones and all(part.name for part in parts):
            message = f"a model needs exactly one head, found {len(rest)}"
            self.fault(message, rest[1].column, EXAMPLE)

    def resolve(self, kind: str, part: Words) -> PartSpec | None:
        """Turn a part as written into one that the catalog has."""
        if part.tag and kind != "backbone":
            hint = "put the tag on the backbone" if kind == "head" else "leave it out"
            self.fault(f"{_a(kind)} has no weights tag", part.tag.column, hint)
        if part.name is None:
            return None
        found = self.look(kind, part.name)
        if isinstance(found, PluginError):
            self.fault(found.message, part.column, found.hint)
            return None
        if found is None:
            self.unknown(kind, part)
            return None
        tag = self.tag(found, part.tag) if part.tag and kind == "backbone" else None
        return PartSpec(kind, found.id, tag, self.options(kind, found, tag, part))

    def tag(self, part: CatalogPart, written: Word) -> str | None:
        """Check a weights tag."""
        if written.text == "none":
            return None
        if written.text not in part.weights:
            self.fault(
                f"{part.id} has no weights tagged {quote(written.text)}",
                written.column + 1,
                suggest.tag(part, written.text, self.catalog),
            )
            return None
        return written.text

    def options(
        self, kind: str, part: CatalogPart, tag: str | None, written: Words
    ) -> dict[str, Any]:
        """Read the values that differ from what the part does anyway."""
        known = {option.name: option for option in (*part.options, *CORE.get(kind, ()))}
        needed = part.weights[tag].options if tag else {}
        usual = {name: option.default for name, option in known.items()} | dict(needed)
        values: dict[str, Any] = {}
        for key, word in written.options:
            option = known.get(key.text)
            if option is None:
                self.no_option(part, key, written, sorted(known))
            elif key.text in values:
                self.fault(f"{part.id} option {key.text!r} is given twice", key.column, "keep one")
            elif word is None:
                values[key.text] = None
                self.fault(
                    f"{part.id} option {key.text!r} has no value",
                    key.column + len(key.text),
                    f"it takes {option.accepts}; default: {spell(option.default)}",
                )
            else:
                values[key.text] = self.value(part, option, word, usual[key.text])
                if key.text in needed and values[key.text] != needed[key.text]:
                    self.fault(
                        f"the weights {part.id}@{tag} need {key.text}={spell(needed[key.text])}, "
                        f"received {quote(word.text)}",
                        word.column,
                        f"leave {key.text} out, or use other weights",
                    )
        return {name: value for name, value in values.items() if value != usual[name]}

    def value(self, part: CatalogPart, option: Option, word: Word, usual: Any) -> Any:
        """Read one value, or note why not."""
        try:
            return option.parse(word.text)
        except ValueError as error:
            hint = f"default: {spell(option.default)}"
            if "@" in word.text:
                hint = f"a weights tag stands before the options: {part.id}@tag:{option.name}=value"
            self.fault(f"{part.id} option {option.name!r} {error}", word.column, hint)
            return usual

    # -- what to say

    def unknown(self, kind: str, part: Words) -> None:
        """Note a name that no part of this kind has."""
        name = part.name or ""
        others = [other for other in KINDS if other != kind and self.look(other, name)]
        if others:
            hint = suggest.part(kind, name, self.catalog) if self.noun != "model" else EXAMPLE
            message = f"expected {_a(kind)}, found the {others[0]} {quote(name)}"
        elif part.doubtful:
            return
        elif alias := self.catalog.alias(name):
            message = f"no {kind} named {quote(alias)}, which the alias {quote(name)} stands for"
            hint = suggest.part(kind, alias, self.catalog)
        elif package := self.catalog.package(name):
            message, hint = f"no {kind} named {quote(name)} is installed", f"pip install {package}"
        else:
            message, hint = f"no {kind} named {quote(name)}", suggest.part(kind, name, self.catalog)
        self.fault(message, part.column, hint)

    def no_option(self, part: CatalogPart, key: Word, written: Words, known: list[str]) -> None:
        """Note a key that is none of the part's options."""
        message = f"{part.id} has no option {quote(key.text)}"
        hint = suggest.option(key.text, known)
        if self.text[key.column - 1] == "," and (key, None) in written.options:
            message = f"expected option=value, found {quote(key.text)}"
            hint = f"a comma separates options here; write a list as {part.id}:option=1,2"
        self.fault(message, key.column, hint)

    def example(self, kind: str) -> str:
        """Return the shortest name of a kind."""
        names = self.catalog.names(kind)
        return min(names, key=lambda name: ("/" in name, len(name), name), default=kind)

    def written(self, part: Words) -> str:
        """Return a part as the user wrote it, or its name where that has faults."""
        if self.faults:
            return part.name or "backbone+head"
        return ascii(self.text[part.column : part.end])[1:-1]

    def fault(self, message: str, column: int, hint: str | None) -> None:
        """Note that something is wrong."""
        self.faults.append(Fault(message, column, hint))

    def error(self) -> SpecError:
        """Return all that was noted, from left to right."""
        faults = sorted(self.faults, key=lambda fault: fault.column)[:_MOST_FAULTS]
        return SpecError(faults[0].message, faults[0].hint, text=self.text, faults=faults)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"
