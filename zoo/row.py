"""A row of a manifest becomes a part, by reading the source of the function that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import suggest
from zoo.errors import ManifestError
from zoo.option import Option
from zoo.part import Part

if TYPE_CHECKING:
    from zoo.discovery import Plugin


_SUPPLIED = {"backbone": 1, "head": 2, "policy": 0, "interpreter": 3}
_SIGNATURES = {
    "backbone": "inputs, *, ...",
    "head": "features, num_classes, *, ...",
    "policy": "*, ...",
    "interpreter": "model, images, class_index, *, ...",
}


def part_id(plugin: Plugin, name: str) -> str:
    """What users call the part of this name: `vgg16bn`, or `acme/gem` outside namespace `zoo`."""
    return name if plugin.namespace == "zoo" else f"{plugin.namespace}/{name}"


def read(plugin: Plugin, kind: Any, name: str, rows: Mapping[str, Any], files: list[Path]) -> Part:
    """Make a part of a row.

    Args:
        plugin: Whose it is, with namespace and manifest.
        kind: backbone, head, policy or interpreter.
        name: Its name in the manifest.
        rows: All validated rows of the kind by name.
        files: Every file that is looked at is added, also one that is missing.

    Raises:
        ManifestError: The target cannot be read or has another signature than its kind, or the
            row names an option or a part that there is not.
    """
    from zoo import signature
    from zoo.manifest import line_of

    manifest, row = Path(plugin.manifest), rows[name]
    where = f"{manifest}:{line_of(manifest, kind, name)}"
    module, function = row.target.split(":")
    package, *inside = module.split(".")
    if package != plugin.package:
        raise ManifestError(
            f"{where}: target {row.target!r} lies outside the package {plugin.package}",
            "name a function of your own package",
        )
    file = manifest.parent.joinpath(*inside)
    file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
    files.append(file)  # a missing one too: the index must notice when it appears
    if not file.is_file():
        raise ManifestError(
            f"{where}: target {row.target!r}: there is no {file.name} to read",
            "ship the source file, or correct the target",
        )
    signed = signature.read(file, function)
    expected = _SUPPLIED[kind]
    if len(signed.required) != expected:
        raise ManifestError(
            f"{file}:{signed.line}: {function} takes {len(signed.required)} arguments before '*', "
            f"a {kind} takes {expected}",
            f"write def {function}({_SIGNATURES[kind]})",
        )
    facts = row.model_dump(exclude={"weights", "defaults"}) | {
        "kind": kind,
        "id": part_id(plugin, name),
        "summary": signed.summary,
        "options": [option.to_json() for option in _set(signed.options, row.defaults, where)],
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "file": str(file),
        "line": signed.line,
        "input": getattr(row, "input", None),
        "minimum": getattr(row, "minimum", None),
        "parameters": getattr(row, "parameters", None) or 0,
        "macs": getattr(row, "macs", None) or 0,
        "taps": getattr(row, "taps", {}),
        "size_of": _smallest(plugin, kind, name, rows),
        "weights": {
            tag: {"tag": tag} | weights.model_dump(exclude_none=True)
            for tag, weights in getattr(row, "weights", {}).items()
        },
    }
    part = Part.read(facts)
    options = {option.name for option in part.options}
    for tag, weights in part.weights.items():
        unknown = sorted(weights.options.keys() - options)
        if unknown:
            raise ManifestError(
                f"{where}: weights {tag} set the option {unknown[0]!r}, which {function} has not",
                f"options: {', '.join(sorted(options)) or 'none'}",
            )
    return part


def compute(plugin: Plugin, kind: Any, rows: Mapping[str, Mapping[str, Any]]) -> list[Part]:
    """Make parts of rows that a plugin gives at run time, held to the same schema as a manifest.

    Args:
        plugin: Whose they are.
        kind: backbone, head, policy or interpreter.
        rows: Name to row, each as in `[KIND.NAME]` of a manifest.

    Raises:
        ManifestError: A row breaks the schema.
    """
    from zoo import manifest as schema

    table = {name: dict(row) for name, row in rows.items()}
    checked = schema.validate({"schema": schema.SCHEMA, kind: table}, Path(plugin.manifest))
    valid = getattr(checked, kind)
    return [read(plugin, kind, name, valid, []) for name in valid]


def _smallest(plugin: Plugin, kind: Any, name: str, rows: Mapping[str, Any]) -> str:
    """The part that a row says it is another size of, empty where it says nothing."""
    from zoo.manifest import line_of

    named = getattr(rows[name], "size_of", None)
    if not named:
        return ""
    if named not in rows:
        own = [each for each, row in rows.items() if not row.size_of]
        near = suggest.near(named, own)
        fault = f"is no {kind} of this manifest"
        hint = f"did you mean {near[0]}?" if near else f"{kind}s here: {', '.join(own) or 'none'}"
    elif named == name:
        fault, hint = f"is the {kind} itself", "name its smallest size there instead"
    elif further := rows[named].size_of:
        fault, hint = f"is another size itself, of {further}", f'write size-of = "{further}"'
    else:
        return part_id(plugin, named)
    line = line_of(Path(plugin.manifest), kind, name, "size-of")
    raise ManifestError(f"{plugin.manifest}:{line}: size-of = {named!r} {fault}", hint)


def _set(options: tuple[Option, ...], defaults: Mapping[str, Any], where: str) -> list[Option]:
    """A function's options with the defaults that a row gives them."""
    unknown = sorted(defaults.keys() - {option.name for option in options})
    if unknown:
        names = ", ".join(option.name for option in options) or "none"
        raise ManifestError(
            f"{where}: defaults sets {unknown[0]!r}, which is no option", f"options: {names}"
        )
    try:
        return [
            replace(option, default=option.check(defaults[option.name]))
            if option.name in defaults
            else option
            for option in options
        ]
    except ValueError as error:
        raise ManifestError(f"{where}: defaults: {error}", "give values of that type") from error
