"""A recipe: how to train, apart from what and on which data. One leg of it is a phase."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

from zoo.errors import RecipeError
from zoo.phase import OPTIMIZERS, Name, Phase, Table
from zoo.schedule import KINDS

__all__ = ["OPTIMIZERS", "Phase", "Recipe", "load", "names", "override", "to_toml"]

HOME = Path(__file__).parent / "recipes"
"""Where the recipes that come with zoo lie."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Recipe(Table):
    """A training from start to end.

    Args:
        name: What users call it.
        summary: One line for lists.
        dtype: Arithmetic; variables and probabilities are float32 in any case.
        phases: The legs, one after another; each begins with the best weights of the one before.
    """

    name: Name
    summary: Annotated[str, StringConstraints(max_length=500)] = ""
    dtype: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]

    @validator(mode="after")
    def _names_differ(self) -> Recipe:
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise ValueError(f"two phases have one name: {', '.join(names)}")
        return self


def load(name: str | Path, plugins: Mapping[str, Path] | None = None) -> Recipe:
    """Load a recipe by its name, or any by its file.

    Args:
        name: Such as "finetune" or "acme/quick", or a path: it ends in .toml.
        plugins: Recipes that plugins ship, name to file; see `Registry.recipes`.

    Returns:
        The recipe.

    Raises:
        RecipeError: If there is none of that name, or the file breaks the schema; every unknown
            or wrong key is named.
    """
    text = str(name)
    known = files(plugins)
    if text in known:
        return _read(known[text])
    if text.endswith(".toml") or (os.sep in text and Path(text).exists()):
        return _read(Path(text))
    near = difflib.get_close_matches(text, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise RecipeError(
        f"no recipe named {text!r}", f"{meant}zoo recipe list shows all, and files: PATH.toml"
    )


def files(plugins: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """The files of all recipes by name, ours first, those of plugins after them."""
    own = {path.stem: path for path in sorted(HOME.glob("*.toml"))}
    return {**dict(sorted((plugins or {}).items())), **own} if plugins else own


def names() -> list[str]:
    """Names of the recipes that come with zoo."""
    return list(files())


def override(recipe: Recipe, changes: Sequence[str] = (), **everywhere: Any) -> Recipe:
    """Change single values of a recipe.

    Args:
        recipe: The recipe.
        changes: Texts such as "head.epochs=3", "head.schedule.warmup=0.1" or "dtype=float32";
            the value is written as in TOML, quotes around text may be left out.
        **everywhere: Values for every phase by key; None changes nothing.

    Returns:
        The changed recipe.

    Raises:
        RecipeError: If a phase or key is unknown, or a value not accepted.
    """
    document = recipe.model_dump()
    phases = {phase["name"]: phase for phase in document["phases"]}
    for phase in phases.values():
        for key, value in everywhere.items():
            if value is not None:
                _assign(phase, key, value)
    for change in changes:
        where, equals, value = change.partition("=")
        name, _, key = where.partition(".")
        if equals and not key and name in document and name not in ("name", "phases"):
            document[name] = _value(value)
            continue
        if not equals or not key:
            raise RecipeError(
                f"{change!r} changes nothing", "write PHASE.KEY=VALUE, such as head.epochs=3"
            )
        if name not in phases:
            raise RecipeError(
                f"the recipe {recipe.name} has no phase {name!r}", f"phases: {', '.join(phases)}"
            )
        _assign(phases[name], key, _value(value))
    return _validate(document, f"recipe {recipe.name}")


def to_toml(recipe: Recipe) -> str:
    """Write a recipe as the TOML that `load` reads; every value is spelled out."""
    document = recipe.model_dump()
    phases = document.pop("phases")
    lines = [f"{key} = {_toml(value)}" for key, value in document.items()]
    for phase in phases:
        lines += ["", "[[phases]]"]
        lines += [f"{key} = {_toml(v)}" for key, v in phase.items() if v is not None]
    return "\n".join(lines) + "\n"


def _assign(phase: dict[str, Any], key: str, value: Any) -> None:
    """Set one value of a phase, or one inside a table of it."""
    outer, _, inner = key.partition(".")
    if not inner or key == "schedule.kind":
        phase[outer] = value
        if outer in ("epochs", "steps"):  # One of the two says how long a phase is.
            phase.pop("steps" if outer == "epochs" else "epochs", None)
        return
    table = phase.get(outer)
    if outer == "schedule" and isinstance(table, str):
        table = {"kind": table}
    phase[outer] = {**table, inner: value} if isinstance(table, dict) else {inner: value}


def _read(path: Path) -> Recipe:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            f"no recipe file {path}", "zoo recipe list shows those with names"
        ) from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: not TOML: {error}", "see toml.io for the syntax") from None
    return _validate({"name": path.stem.lower(), **document}, str(path))


def _validate(document: Mapping[str, Any], where: str) -> Recipe:
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        found: list[dict[str, Any]] = [dict(fault) for fault in error.errors()]
        # A phase with a fault is no phase to pydantic, which then misses one.
        inside = [fault for fault in found if len(fault["loc"]) > 1]
        faults = list(dict.fromkeys(_sentence(fault, document) for fault in inside or found))
        more = f" (and {len(faults) - 2} more)" if len(faults) > 2 else ""
        raise RecipeError(f"{where}: {'; '.join(faults[:2])}{more}") from None


def _sentence(fault: dict[str, Any], document: Mapping[str, Any]) -> str:
    """Say one fault of a recipe: where, what was received, what is accepted."""
    keys, table = _table(list(fault["loc"]))
    place = _place(keys, document)
    received = "" if isinstance(fault["input"], (dict, list)) else f", received {fault['input']!r}"
    match fault["type"]:
        case "extra_forbidden":
            known = list(table.model_fields)
            near = difflib.get_close_matches(str(keys[-1]), known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"keys: {', '.join(known)}"
            return f"{place} is unknown; {advice}"
        case "missing":
            return f"{place} is missing"
        case "tuple_type" | "too_short" | "model_type" if keys[-1] != "at":
            return f"{place}: a recipe has one or more [[phases]] tables"
        case "union_tag_invalid" | "union_tag_not_found" | "model_attributes_type":
            kind = fault.get("ctx", {}).get("tag")
            near = difflib.get_close_matches(kind or "", KINDS, n=1)
            advice = f"did you mean {near[0]}?" if near else f"accepted: {', '.join(KINDS)}"
            given = repr(kind) if kind else "no kind"
            return f"{place}: received {given}; {advice}"
        case "string_pattern_mismatch":
            words = "lower-case words joined by -"
            accepted = "head, all, last:N or from:NAME" if keys[-1] == "train" else words
            return f"{place}: received {fault['input']!r}; accepted: {accepted}"
        case "value_error":
            said = fault["msg"].removeprefix("Value error, ")
            return f"{place}.{said}" if len(keys) > 1 else f"phases: {said}"
    if "options" in keys[2:3] and len(keys) > 3:
        return f"{place}: an option is a number, a text, true or false"
    if keys[-1] == "class_weights":
        return f"{place}: accepted are 'balanced' and a table of factors by class name{received}"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}{received}"


def _table(keys: list[str | int]) -> tuple[list[str | int], type[BaseModel]]:
    """The keys as a file has them, without pydantic's names of types, and the table they end in."""
    if "options" in keys[2:3]:
        return keys[:4], Phase  # The rest names the types that were tried.
    if "class_weights" in keys[2:3]:
        return keys[:3], Phase
    if "schedule" in keys[2:3] and len(keys) > 3:
        return [*keys[:3], *keys[4:]], KINDS.get(str(keys[3]), Phase)
    return keys, Phase if len(keys) > 1 else Recipe


def _place(keys: Sequence[str | int], document: Mapping[str, Any]) -> str:
    """Name a key as the file's author would: the phase by its name where it has one."""
    if len(keys) > 1 and keys[0] == "phases" and isinstance(keys[1], int):
        phase = document["phases"][keys[1]]
        name = phase.get("name") if isinstance(phase, Mapping) else None
        keys = [f"phase {name or keys[1] + 1}", *keys[2:]]
    return ".".join(map(str, keys)) or "the recipe"


def _value(text: str) -> Any:
    """Read a value as TOML would, or take it as the text it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else str(_toml(name))
