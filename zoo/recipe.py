"""A recipe: how to train, apart from what and on which data. One leg of it is a phase."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

from zoo.errors import RecipeError

HOME = Path(__file__).parent / "recipes"
"""Where the recipes that come with zoo lie."""

OPTIMIZERS = (
    "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lamb", "lion",
    "muon", "nadam", "rmsprop", "schedulefreeadamw", "sgd",
)  # fmt: skip
"""The classes of `keras.optimizers` in lower case; a test holds the two together."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Train = Annotated[str, StringConstraints(pattern=r"^(head|all|last:[1-9][0-9]*)$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Phase(_Table):
    """One leg of a training: what may change, and how fast.

    Args:
        name: What rows of the history call it.
        train: What may change: "head"; "all"; or "last:N", the head and the backbone's last N
            stages.
        epochs: How many at most.
        learning_rate: Step size of the optimizer.
        optimizer: One of `OPTIMIZERS`.
        options: Further arguments of the optimizer, such as momentum.
        batch_size: Pictures per step.
        patience: Epochs without a lower validation loss before the phase ends; None for never.
        bn: Whether the backbone's batch normalisation keeps its statistics ("frozen"), as it
            should where pretrained weights meet small batches, or learns them ("train").
        label_smoothing: Probability that is spread over all classes, 0 to below 1.
        auxiliary: Weight of the loss of each auxiliary classifier, where the head has any.
        policy: Augmentation of the training pictures, such as "light:rotation=10"; None for none.
    """

    name: Name
    train: Train = "all"
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    learning_rate: Annotated[float, Field(gt=0)]
    optimizer: str = "adam"
    options: dict[str, bool | int | float | str] = {}
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = 32
    patience: Annotated[int, Field(ge=1)] | None = None
    bn: Literal["frozen", "train"] = "frozen"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    auxiliary: Annotated[float, Field(ge=0)] = 0.3
    policy: str | None = None

    @validator(mode="after")
    def _optimizer_is_known(self) -> Phase:
        if self.optimizer not in OPTIMIZERS:
            near = difflib.get_close_matches(self.optimizer.lower(), OPTIMIZERS, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(OPTIMIZERS)}"
            raise ValueError(f"received {self.optimizer!r}; {known}")
        return self

    @property
    def stages(self) -> int | None:
        """How many stages of the backbone, counted from its end, may change; None for all."""
        if self.train == "all":
            return None
        return int(self.train.removeprefix("last:")) if self.train != "head" else 0


class Recipe(_Table):
    """A training from start to end.

    Args:
        name: What users call it.
        summary: One line for lists.
        phases: The legs, one after another; each begins with the best weights of the one before.
    """

    name: Name
    summary: Annotated[str, StringConstraints(max_length=500)] = ""
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]

    @validator(mode="after")
    def _names_differ(self) -> Recipe:
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise ValueError(f"two phases have one name: {', '.join(names)}")
        return self


def load(name: str | Path) -> Recipe:
    """Load a recipe that comes with zoo by its name, or any by its file.

    Args:
        name: Such as "finetune", or a path: it holds a separator or ends in .toml.

    Returns:
        The recipe.

    Raises:
        RecipeError: If there is none of that name, or the file breaks the schema; every unknown
            or wrong key is named.
    """
    text = str(name)
    if text.endswith(".toml") or "/" in text or os.sep in text:
        return _read(Path(text))
    known = names()
    if text not in known:
        near = difflib.get_close_matches(text, known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        listed = f"there are {', '.join(known)}, and files: PATH.toml"
        raise RecipeError(f"no recipe named {text!r}", meant + listed)
    return _read(HOME / f"{text}.toml")


def names() -> list[str]:
    """Names of the recipes that come with zoo."""
    return sorted(path.stem for path in HOME.glob("*.toml"))


def override(recipe: Recipe, changes: Sequence[str] = (), **everywhere: Any) -> Recipe:
    """Change single values of a recipe.

    Args:
        recipe: The recipe.
        changes: Texts such as "head.epochs=3" or "head.options.momentum=0.9"; the value is
            written as in TOML, quotes around text may be left out.
        **everywhere: Values for every phase by key; None changes nothing.

    Returns:
        The changed recipe.

    Raises:
        RecipeError: If a phase or key is unknown, or a value not accepted.
    """
    document = recipe.model_dump()
    phases = {phase["name"]: phase for phase in document["phases"]}
    for phase in phases.values():
        phase.update({key: value for key, value in everywhere.items() if value is not None})
    for change in changes:
        where, equals, value = change.partition("=")
        name, _, key = where.partition(".")
        if not equals or not key:
            raise RecipeError(
                f"{change!r} changes nothing", "write PHASE.KEY=VALUE, such as head.epochs=3"
            )
        if name not in phases:
            raise RecipeError(
                f"the recipe {recipe.name} has no phase {name!r}", f"phases: {', '.join(phases)}"
            )
        table, key = (
            (phases[name], key)
            if not key.startswith("options.")
            else (phases[name]["options"], key.removeprefix("options."))
        )
        table[key] = _value(value)
    return _validate(document, f"recipe {recipe.name}")


def to_toml(recipe: Recipe) -> str:
    """Write a recipe as the TOML that `load` reads; every value is spelled out."""
    lines = [f"name = {_toml(recipe.name)}", f"summary = {_toml(recipe.summary)}"]
    for phase in recipe.phases:
        lines += ["", "[[phases]]"]
        lines += [f"{key} = {_toml(v)}" for key, v in phase.model_dump().items() if v is not None]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> Recipe:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            f"no recipe file {path}", f"recipes by name: {', '.join(names())}"
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
        faults = [_sentence(fault, document) for fault in inside or found]
        more = f" (and {len(faults) - 2} more)" if len(faults) > 2 else ""
        raise RecipeError(f"{where}: {'; '.join(faults[:2])}{more}") from None


def _sentence(fault: dict[str, Any], document: Mapping[str, Any]) -> str:
    """Say one fault of a recipe: where, what was received, what is accepted."""
    keys = list(fault["loc"])
    if keys[:1] == ["options"] or "options" in keys[2:-1]:
        keys = keys[: keys.index("options") + 2]  # The rest names the types that were tried.
    place = _place(keys, document)
    if fault["type"] == "extra_forbidden":
        known = list((Phase if len(keys) > 1 else Recipe).model_fields)
        near = difflib.get_close_matches(str(keys[-1]), known, n=1)
        advice = f"did you mean {near[0]}?" if near else f"keys: {', '.join(known)}"
        return f"{place} is unknown; {advice}"
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] in ("tuple_type", "too_short", "model_type"):
        return f"{place}: a recipe has one or more [[phases]] tables"
    if fault["type"] == "string_pattern_mismatch":
        accepted = "head, all or last:N" if keys[-1] == "train" else "lower-case words joined by -"
        return f"{place}: received {fault['input']!r}; accepted: {accepted}"
    if fault["type"] == "value_error":
        prefix = f"{place} optimizer" if len(keys) > 1 else "phases"
        return f"{prefix}: {fault['msg'].removeprefix('Value error, ')}"
    received = "" if isinstance(fault["input"], (dict, list)) else f", received {fault['input']!r}"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}{received}"


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
        pairs = ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
