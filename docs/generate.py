"""Write what the program knows of itself into the pages: `python docs/generate.py`.

A page is written by hand but for what stands between `<!-- begin: NAME -->` and `<!-- end -->`,
which a function of this file makes. A test keeps the two in step.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from zoo import config, errors, license, manifest, recipe, registry, schedule
from zoo.benchmark import case, document
from zoo.cli.main import zoo
from zoo.option import Option
from zoo.part import KINDS, Part

HOME = Path(__file__).parent
BLOCK = re.compile(r"(<!-- begin: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
WIDTH = 80
TITLES = ("backbones", "heads", "augmentation policies", "interpreters")


def pages() -> Iterator[tuple[Path, str]]:
    """Every page and what it has to hold."""
    for path in sorted(HOME.rglob("*.md")):
        yield path, fill(path.read_text(encoding="utf-8"))


def fill(text: str) -> str:
    """A page with its blocks made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[4]}", text)


# -- commands


def commands() -> str:
    """The help of every command, as it is printed 80 columns wide."""
    return "\n\n".join(_help(zoo, None, "zoo"))


def _help(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    path = context.command_path
    yield f"## {path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from _help(found, context, below)


# -- parts


def parts() -> str:
    """Every part that comes with zoo, a table for each kind, and the presets."""
    known = registry.load()
    blocks = [
        _parts(title, known.parts(kind=kind)) for kind, title in zip(KINDS, TITLES, strict=True)
    ]
    rows = [
        (f"`{name}`", preset.get("summary", ""), f"`{preset['spec']}`", _code(preset.get("recipe")))
        for name, preset in known.presets().items()
    ]
    presets = _table(("name", "what it is", "model", "recipe"), rows)
    return "\n\n".join([*blocks, f"## Presets\n\n{presets}"])


def _parts(title: str, rows: Iterable[Part]) -> str:
    header = ("name", "what it is", "options", "input", "parameters", "GMACs", "taps", "weights")
    header += ("paper", "licence")
    cells = [
        (
            f"`{part.id}`",
            part.summary,
            "<br>".join(_option(option) for option in part.options) or "–",
            _input(part),
            f"{part.parameters / 1e6:.2f} M" if part.parameters else "–",
            f"{part.macs / 1e9:.3g}" if part.macs else "–",
            ", ".join(f"`{tap}`" for tap in part.taps) or "–",
            "<br>".join(_weights(part)) or "–",
            _paper(part.paper),
            part.license or "none given",
        )
        for part in rows
    ]
    if not any(row[3] for row in cells):  # only backbones have a size and weights
        header = header[:3] + header[8:]
        cells = [row[:3] + row[8:] for row in cells]
    return f"## {title.capitalize()}\n\n{_table(header, cells)}"


def policies() -> str:
    """The sheet of every policy, as docs/gallery.py draws them."""
    return "\n\n".join(
        f"### {part.id}\n\n{part.summary}\n\n"
        f"![{part.id}: each row is a picture, each column an epoch](gallery/{part.id}.jpg)"
        for part in registry.load().parts(kind="policy")
    )


def _option(option: Option) -> str:
    plain = option.type in ("int", "float", "bool", "str")
    accepted = option.type if plain else option.accepts.replace("'", "")
    return f"`{option.name}={option.format(option.default)}` {accepted}"


def _input(part: Part) -> str:
    native = f"{part.input[0]}×{part.input[1]}" if part.input else ""
    return f"{native}, from {part.minimum[0]}×{part.minimum[1]}" if part.minimum else native


def _weights(part: Part) -> Iterator[str]:
    for tag, row in part.weights.items():
        size = f", {row.size / 2**20:,.1f} MiB" if row.size else ""
        top1 = f", top-1 {row.top1:g} %" if row.top1 else ""
        terms = row.license if license.stated(row.license) else "licence not stated"
        yield f"`@{tag}` {terms}{size}{top1}"


def _paper(paper: str) -> str:
    if paper.startswith("arXiv:"):
        return f"[{paper}](https://arxiv.org/abs/{paper.removeprefix('arXiv:')})"
    return paper or "–"


# -- schemas


def schema(model: type[BaseModel]) -> str:
    """The keys of a TOML table: what each takes, its default and what it means."""
    told = arguments(model)
    rows = []
    for name, field in model.model_fields.items():
        fallback = (
            "required"
            if field.is_required()
            else _default(field.get_default(call_default_factory=True))
        )
        key = field.alias or name
        rows.append((f"`{key}`", _takes(model, key), fallback, told.get(name, "")))
    return _table(("key", "takes", "default", "meaning"), rows)


def json_schema() -> str:
    """What a result of zoo bench has to look like, for any validator."""
    whole = document.Document.model_json_schema(by_alias=True)
    for table in (whole, *whole["$defs"].values()):
        table["description"] = table["description"].partition("\n")[0]
    return f"```json\n{json.dumps(whole, indent=1)}\n```"


def arguments(thing: object) -> dict[str, str]:
    """What a Google style docstring says of each argument."""
    text = inspect.getdoc(thing) or ""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    if section is None:
        return {}
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section[1], re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def _takes(model: type[BaseModel], key: str) -> str:
    whole = model.model_json_schema(by_alias=True)
    return _type(whole["properties"][key], whole.get("$defs", {}))


def _type(row: dict[str, Any], tables: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in row:
        return f"a table, {row['$ref'].rsplit('/', 1)[-1]}"
    if "const" in row:
        return _code(row["const"])
    if "oneOf" in row:  # told apart by their kind
        return "a kind's name, or a table"
    if "anyOf" in row:
        several = [_type(each, tables) for each in row["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(several))
    if "enum" in row:
        return " or ".join(f"`{value}`" for value in row["enum"])
    if row.get("type") == "object":
        inner = row.get("additionalProperties") or next(iter(row["patternProperties"].values()))
        if inner is True:
            return "a table"
        return f"a table of {_type(inner, tables).removeprefix('a table, ')}"
    if row.get("type") == "array":
        if "prefixItems" in row:
            words = {_type(each, tables) for each in row["prefixItems"]}
            return f"[{len(row['prefixItems'])} × {' or '.join(sorted(words))}]"
        return f"a list of {_type(row['items'], tables).removeprefix('a table, ')}"
    word = {"string": "text", "integer": "integer", "number": "number", "boolean": "bool"}
    return word[row["type"]] + _bounds(row)


def _bounds(row: dict[str, Any]) -> str:
    above, below = row.get("exclusiveMinimum"), row.get("exclusiveMaximum")
    least, most = row.get("minimum"), row.get("maximum")
    words = [
        f"above {above}" if above is not None else "",
        f"from {least}" if least is not None else "",
        f"to {most}" if most is not None else "",
        f"below {below}" if below is not None else "",
    ]
    told = " ".join(word for word in words if word)
    return f", {told}" if told else ""


def _default(value: Any) -> str:
    if value is None or value in ("", {}, []):
        return "–"
    if isinstance(value, BaseModel):
        return _code(getattr(value, "kind", "")) if hasattr(value, "kind") else "changes nothing"
    return _code(str(list(value) if isinstance(value, tuple) else value))


# -- recipes


def schedules() -> str:
    """The kinds of schedule, each with its keys."""
    blocks = [
        f"`{name}`: {(inspect.getdoc(kind) or '').splitlines()[0]}\n\n{schema(kind)}"
        for name, kind in schedule.KINDS.items()
    ]
    return "\n\n".join(blocks)


def recipes() -> str:
    """The recipes that come with zoo, as they are written."""
    blocks = []
    for name in recipe.names():
        text = (recipe.HOME / f"{name}.toml").read_text(encoding="utf-8").strip()
        blocks.append(f"### {name}\n\n```toml\n{text}\n```")
    return "\n\n".join(blocks)


def optimizers() -> str:
    """The optimizers that a phase may name."""
    return ", ".join(f"`{name}`" for name in recipe.OPTIMIZERS) + "."


# -- errors and configuration


def error_tree() -> str:
    """The family of exceptions with their exit codes."""
    return _table(("class", "says", "exit code"), list(_errors(errors.ZooError, 0)))


def _errors(root: type[errors.ZooError], depth: int) -> Iterator[tuple[str, str, str]]:
    first = (inspect.getdoc(root) or "").splitlines()[0]
    yield f"{'&nbsp;' * 4 * depth}`{root.__name__}`", first, str(root.exit_code)
    for below in root.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _errors(below, depth + 1)


def shipped() -> str:
    """The registry.toml that comes with zoo."""
    return f"```toml\n{config.SHIPPED.read_text(encoding='utf-8').strip()}\n```"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(row)} |".replace("\n", " ") for row in lines)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "–"


# -- figures


def billion(table: str) -> str:
    """A table that benchmarks/billion.py made."""
    found = json.loads((HOME.parent / "benchmarks/results/billion.json").read_text("utf-8"))
    made: str = found["tables"][table]
    return made


BLOCKS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "parts": parts,
    "policies": policies,
    "manifest": lambda: schema(manifest.Manifest),
    "backbone-row": lambda: schema(manifest.BackboneRow),
    "interpreter-row": lambda: schema(manifest.InterpreterRow),
    "weights-row": lambda: schema(manifest.WeightsRow),
    "normalization": lambda: schema(manifest.Normalization),
    "recipe": lambda: schema(recipe.Recipe),
    "phase": lambda: schema(recipe.Phase),
    "schedules": schedules,
    "recipes": recipes,
    "optimizers": optimizers,
    "errors": error_tree,
    "shipped-registry": shipped,
    "bench-document": lambda: schema(document.Document),
    "bench-row": lambda: schema(document.Row),
    "bench-case": lambda: schema(case.Case),
    "bench-spread": lambda: schema(document.Spread),
    "bench-schema": json_schema,
    "billion-work": lambda: billion("work"),
    "billion-storage": lambda: billion("storage"),
    "billion-waits": lambda: billion("waits"),
    "billion-check": lambda: billion("check"),
}

if __name__ == "__main__":
    # Pages tell of what zoo ships, whatever else is installed or configured here.
    os.environ |= {"ZOO_NO_PLUGINS": "1", "ZOO_CONFIG": os.devnull}
    for path, text in pages():
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
