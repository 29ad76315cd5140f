"""Entry points -> manifests -> parts, importing no plugin; what is wrong becomes a Problem."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from zoo import __version__
from zoo.config import Config
from zoo.errors import ManifestError
from zoo.index import Index
from zoo.option import Option
from zoo.part import KINDS, Part

GROUP = "zoo"
UNKNOWN = "unknown"
"""Name and version of a distribution without metadata."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a plugin, kept as a value until somebody asks.

    Args:
        plugin: Entry-point name.
        origin: Distribution and version.
        reason: What is wrong, with file and line where there is one.
        remedy: What to do about it.
        part: `kind/id` of the part concerned, or empty for the whole plugin.
    """

    plugin: str
    origin: str
    reason: str
    remedy: str
    part: str = ""


@dataclass(frozen=True)
class Plugin:
    """An installed plugin, from its manifest."""

    name: str
    distribution: str
    version: str
    package: str
    namespace: str = ""
    manifest: str = ""
    hooks: str = ""
    keras_package: str = ""
    commands: dict[str, str] = field(default_factory=dict)
    computes: tuple[str, ...] = ()
    xfail: dict[str, str] = field(default_factory=dict)
    state: Literal["ready", "broken", "refused"] = "ready"
    reason: str = ""
    parts: tuple[Part, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def origin(self) -> str:
        """Distribution and version, for messages and tables."""
        return f"{self.distribution} {self.version}"

    def document(self) -> dict[str, Any]:
        """The plugin as plain data."""
        facts = dict(vars(self))
        facts["parts"] = [part.document() for part in self.parts]
        facts["problems"] = [asdict(problem) for problem in self.problems]
        return facts

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Plugin:
        """The plugin that `document` described."""
        facts = dict(facts)
        facts["computes"] = tuple(facts["computes"])
        facts["parts"] = tuple(Part.read(part) for part in facts["parts"])
        facts["problems"] = tuple(Problem(**problem) for problem in facts["problems"])
        return cls(**facts)


def discover(config: Config, index: Index | None = None) -> list[Plugin]:
    """Find every installed plugin and read what it declares.

    Args:
        config: Who may be loaded, and which distributions may fill which namespace.
        index: Where validated manifests are kept; by default the one of this environment.

    Returns:
        The plugins, in the order of their distributions and names. A plugin that is broken or
        refused has no parts and says why.
    """
    index = index or Index(__version__)
    plugins = [_plugin(entry, config, index) for entry in _entries()]
    index.save()
    return _settle_namespaces(plugins, config)


def _entries() -> list[tuple[str, str, str, str]]:
    """(name, value, distribution, version) of each entry point; identical ones collapse."""
    found: dict[tuple[str, str], tuple[str, str, str, str]] = {}
    versions: dict[int, tuple[str, str]] = {}
    points: list[EntryPoint] = sorted(
        entry_points(group=GROUP), key=lambda point: (point.name, point.value)
    )
    for point in points:
        dist = point.dist
        if id(dist) not in versions:
            versions[id(dist)] = _name_and_version(dist)
        found.setdefault((point.name, point.value), (point.name, point.value, *versions[id(dist)]))
    return sorted(found.values(), key=lambda entry: (entry[2], entry[0]))


def _name_and_version(dist: Any) -> tuple[str, str]:
    # A regular expression over the first lines: parsing a hundred whole METADATA files as mail
    # messages takes longer than everything else that `zoo list` does.
    text = (dist.read_text("METADATA") or dist.read_text("PKG-INFO") or "") if dist else ""
    head = text.split("\n\n", 1)[0]
    name = re.search(r"^Name: *(.+?)\s*$", head, re.MULTILINE)
    version = re.search(r"^Version: *(.+?)\s*$", head, re.MULTILINE)
    return (name[1] if name else UNKNOWN, version[1] if version else UNKNOWN)


def _plugin(entry: tuple[str, str, str, str], config: Config, index: Index) -> Plugin:
    name, package, distribution, version = entry
    plugin = Plugin(name, distribution, version, package)
    refusal = config.refusal(name, distribution)
    if refusal is not None:
        return _in_state(plugin, "refused", refusal)
    try:
        manifest = locate(package)
    except ManifestError as error:
        return _broken(plugin, error)

    def make() -> tuple[Any, Sequence[Path]]:
        indexed, files = _read(plugin, manifest)
        return indexed.document(), files

    key = f"{distribution} {version} {name} {manifest}"
    return Plugin.read(index.get(key, make))


def read_plugin(name: str, package: str, distribution: str, version: str) -> Plugin:
    """Read a plugin that is on the import path and not installed, past the index.

    Args:
        name: What its entry point is going to be called.
        package: Its top-level package.
        distribution: Name of its distribution.
        version: Version of that distribution.

    Returns:
        The plugin; broken, with the reason, if its manifest is.
    """
    plugin = Plugin(name, distribution, version, package)
    try:
        return _read(plugin, locate(package))[0]
    except ManifestError as error:
        return _broken(plugin, error)


def locate(package: str) -> Path:
    """The manifest inside a top-level package, found without importing the package.

    Args:
        package: Value of the entry point; it may not hold a dot, since finding a submodule
            imports its parent.

    Raises:
        ManifestError: There is no such package, or no `registry.toml` in it.
    """
    if not package.isidentifier():
        raise ManifestError(
            f"entry point value {package!r} is not the name of a top-level package",
            'write [project.entry-points.zoo] acme = "acme_zoo"',
        )
    try:
        spec = sys.modules[package].__spec__ if package in sys.modules else find_spec(package)
    except (ImportError, ValueError, AttributeError) as error:
        raise ManifestError(f"package {package} cannot be found: {error}") from error
    if spec is None:
        raise ManifestError(
            f"package {package} is not installed, though an entry point names it",
            "reinstall the distribution, or uninstall it",
        )
    for folder in spec.submodule_search_locations or ():
        if (manifest := Path(folder) / "registry.toml").is_file():
            return manifest
    raise ManifestError(
        f"registry.toml is not inside {package}", "is it in the wheel? see the build's file list"
    )


def _read(plugin: Plugin, path: Path) -> tuple[Plugin, list[Path]]:
    """Validate a manifest and the signatures it points to; also every file that was looked at."""
    from zoo import manifest as schema

    files = [path]
    try:
        manifest = schema.read(path)
    except ManifestError as error:
        return _broken(plugin, error), files
    facts: dict[str, Any] = vars(plugin) | {
        "namespace": manifest.namespace or plugin.name,
        "manifest": str(path),
        "hooks": manifest.hooks or "",
        "keras_package": manifest.keras_package,
        "commands": dict(manifest.commands),
        "computes": manifest.computes,
        "xfail": dict(manifest.xfail),
    }
    problems = list(_version_problems(plugin, path, manifest.requires_zoo))
    parts = []
    for kind in KINDS:
        for name, row in getattr(manifest, kind).items():
            part_id = _id(facts["namespace"], name)
            try:
                parts.append(_part(plugin, path, kind, name, part_id, row, files))
            except ManifestError as error:
                problems.append(_problem(plugin, error, f"{kind}/{part_id}"))
    if manifest.hooks and manifest.hooks.split(".")[0] != plugin.package:
        line = schema.line_of(path, "hooks")
        fault = ManifestError(
            f"{path}:{line}: hooks = {manifest.hooks!r} lies outside the package {plugin.package}",
            "name a module of your own package",
        )
        problems.append(_problem(plugin, fault))
        facts["hooks"] = ""
    return Plugin(**facts | {"parts": tuple(parts), "problems": tuple(problems)}), files


def _part(
    plugin: Plugin, manifest: Path, kind: Any, name: str, part_id: str, row: Any, files: list[Path]
) -> Part:
    from zoo import signature
    from zoo.manifest import line_of

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
    read = signature.read(file, function)
    expected = _SUPPLIED[kind]
    if len(read.required) != expected:
        raise ManifestError(
            f"{file}:{read.line}: {function} takes {len(read.required)} arguments before '*', "
            f"a {kind} takes {expected}",
            f"write def {function}({_SIGNATURES[kind]})",
        )
    facts = row.model_dump(exclude={"weights", "defaults"}) | {
        "kind": kind,
        "id": part_id,
        "summary": read.summary,
        "options": [option.to_json() for option in _set(read.options, row.defaults, where)],
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "file": str(file),
        "line": read.line,
        "input": getattr(row, "input", None),
        "minimum": getattr(row, "minimum", None),
        "parameters": getattr(row, "parameters", None) or 0,
        "macs": getattr(row, "macs", None) or 0,
        "taps": getattr(row, "taps", {}),
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

    path = Path(plugin.manifest)
    table = {name: dict(row) for name, row in rows.items()}
    checked = schema.validate({"schema": schema.SCHEMA, kind: table}, path)
    return [
        _part(plugin, path, kind, name, _id(plugin.namespace, name), row, [])
        for name, row in getattr(checked, kind).items()
    ]


def _id(namespace: str, name: str) -> str:
    return name if namespace == "zoo" else f"{namespace}/{name}"


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


_SUPPLIED = {"backbone": 1, "head": 2, "policy": 0, "interpreter": 3}
_SIGNATURES = {
    "backbone": "inputs, *, ...",
    "head": "features, num_classes, *, ...",
    "policy": "*, ...",
    "interpreter": "model, images, class_index, *, ...",
}


def _version_problems(plugin: Plugin, path: Path, requires: str) -> Iterator[Problem]:
    if not requires:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from zoo.manifest import line_of

    where = f"{path}:{line_of(path, 'requires-zoo')}"
    try:
        if not SpecifierSet(requires).contains(__version__, prereleases=True):
            yield Problem(
                plugin.name,
                plugin.origin,
                f"{where}: requires zoo {requires}, this is {__version__}; it may not work",
                f"install another version of {plugin.distribution} or of keras-zoo",
            )
    except InvalidSpecifier:
        yield Problem(
            plugin.name,
            plugin.origin,
            f"{where}: requires-zoo = {requires!r} is not a version specifier",
            'write it as ">=0.1,<0.5"',
        )


def _settle_namespaces(plugins: list[Plugin], config: Config) -> list[Plugin]:
    """Set aside what two distributions claim: a plugin's name, a namespace, the reserved one."""
    claims: dict[str, dict[str, str]] = {}
    names: dict[str, list[str]] = {}
    for plugin in plugins:
        names.setdefault(plugin.name, []).append(plugin.origin)
        if plugin.state == "ready":
            claim = f"{plugin.origin} ({plugin.manifest})"
            claims.setdefault(plugin.namespace, {})[plugin.distribution] = claim
    settled = []
    for plugin in plugins:
        others = [
            claim
            for distribution, claim in claims.get(plugin.namespace, {}).items()
            if distribution != plugin.distribution
        ]
        members = config.value("namespaces", plugin.namespace)
        preferred = config.value("prefer", plugin.namespace)
        if plugin.state != "ready":
            settled.append(plugin)
        elif len(names[plugin.name]) > 1:
            error = ManifestError(
                f"the entry point {plugin.name!r} is given by {' and '.join(names[plugin.name])}; "
                "all are set aside",
                "uninstall all but one",
            )
            settled.append(_broken(plugin, error))
        elif members is not None and plugin.distribution not in members:
            error = ManifestError(
                f"{plugin.manifest}: the namespace {plugin.namespace!r} is reserved",
                "choose a namespace of your own",
            )
            settled.append(_broken(plugin, error))
        elif members is None and others and preferred != plugin.distribution:
            winner = f"{preferred} is preferred" if preferred else "both are set aside"
            error = ManifestError(
                f"{plugin.manifest}: the namespace {plugin.namespace!r} is claimed by "
                f"{plugin.origin} and {', '.join(others)}; {winner}",
                f'uninstall one, or set [prefer] {plugin.namespace} = "{plugin.distribution}" '
                "in your own registry.toml",
            )
            settled.append(_broken(plugin, error))
        else:
            settled.append(plugin)
    return settled


def _problem(plugin: Plugin, error: ManifestError, part: str = "") -> Problem:
    return Problem(plugin.name, plugin.origin, error.message, error.hint or "", part)


def _broken(plugin: Plugin, error: ManifestError) -> Plugin:
    problem = _problem(plugin, error)
    return _in_state(plugin, "broken", error.message, (problem,))


def _in_state(
    plugin: Plugin, state: Any, reason: str, problems: tuple[Problem, ...] = ()
) -> Plugin:
    facts = vars(plugin) | {
        "state": state,
        "reason": reason,
        "parts": (),
        "hooks": "",
        "commands": {},
        "computes": (),
        "problems": problems,
    }
    return Plugin(**facts)
