"""Entry points -> manifests -> parts, importing no plugin; what is wrong becomes a Problem."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from zoo import __version__, conflicts
from zoo.config import Config
from zoo.errors import ManifestError
from zoo.index import Index
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
    faults = conflicts.find(plugins, config)
    return [
        plugin if fault is None else _broken(plugin, fault)
        for plugin, fault in zip(plugins, faults, strict=True)
    ]


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
    from zoo import row

    files = [path]
    try:
        manifest = schema.read(path)
    except ManifestError as error:
        return _broken(plugin, error), files
    plugin = replace(
        plugin,
        namespace=manifest.namespace or plugin.name,
        manifest=str(path),
        hooks=manifest.hooks or "",
        keras_package=manifest.keras_package,
        commands=dict(manifest.commands),
        computes=manifest.computes,
        xfail=dict(manifest.xfail),
    )
    problems = list(_version_problems(plugin, path, manifest.requires_zoo))
    parts = []
    for kind in KINDS:
        rows = getattr(manifest, kind)
        for name in rows:
            try:
                parts.append(row.read(plugin, kind, name, rows, files))
            except ManifestError as error:
                problems.append(_problem(plugin, error, f"{kind}/{row.part_id(plugin, name)}"))
    if plugin.hooks and plugin.hooks.split(".")[0] != plugin.package:
        line = schema.line_of(path, "hooks")
        fault = ManifestError(
            f"{path}:{line}: hooks = {plugin.hooks!r} lies outside the package {plugin.package}",
            "name a module of your own package",
        )
        problems.append(_problem(plugin, fault))
        plugin = replace(plugin, hooks="")
    return replace(plugin, parts=tuple(parts), problems=tuple(problems)), files


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


def _problem(plugin: Plugin, error: ManifestError, part: str = "") -> Problem:
    return Problem(plugin.name, plugin.origin, error.message, error.hint or "", part)


def _broken(plugin: Plugin, error: ManifestError) -> Plugin:
    problem = _problem(plugin, error)
    return _in_state(plugin, "broken", error.message, (problem,))


def _in_state(
    plugin: Plugin, state: Any, reason: str, problems: tuple[Problem, ...] = ()
) -> Plugin:
    return replace(
        plugin,
        state=state,
        reason=reason,
        parts=(),
        hooks="",
        commands={},
        computes=(),
        problems=problems,
    )
