"""Names -> parts -> functions: the one place that knows which plugin gives what."""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo import config as configuration
from zoo import discovery, suggest
from zoo.config import Config
from zoo.discovery import Plugin, Problem
from zoo.errors import ConfigError, PluginError, SpecError, UnknownPart
from zoo.part import KINDS, Kind, Part, Weights
from zoo.plugins import Hooks, import_module
from zoo.spec import ModelSpec, PartSpec, parse, parse_part


@dataclass(frozen=True)
class ResolvedPart:
    """A part with a value for every option."""

    part: Part
    options: Mapping[str, Any]
    weights: Weights | None = None

    def document(self) -> dict[str, Any]:
        """What a run stores, enough to build the same part again."""
        part = self.part
        return {
            "id": part.id,
            "options": dict(self.options),
            "weights": asdict(self.weights) if self.weights else None,
            "plugin": part.plugin,
            "distribution": part.distribution,
            "version": part.version,
        }


@dataclass(frozen=True)
class ResolvedModel:
    """A spec whose every option and weight is settled."""

    spec: ModelSpec
    backbone: ResolvedPart
    head: ResolvedPart

    def document(self) -> dict[str, Any]:
        """What a run stores, enough to build the same model again."""
        return {
            "spec": str(self.spec),
            "backbone": self.backbone.document(),
            "head": self.head.document(),
        }


class Registry:
    """Every part that the installed and trusted plugins declare.

    Args:
        plugins: What discovery found.
        config: Aliases, presets, defaults and hints.
    """

    def __init__(self, plugins: Sequence[Plugin], config: Config) -> None:
        self.plugins = tuple(plugins)
        self.config = config
        self.hooks = Hooks(plugins)
        self._parts: dict[str, dict[str, Part]] = {}
        self._computed: dict[str, dict[str, Part]] = {}
        self._conflicts: dict[tuple[str, str], list[Part]] = {}
        for kind in KINDS:
            self._parts[kind] = self._settle(kind, self.hooks.parts(kind))

    def _settle(self, kind: Kind, parts: Iterable[Part]) -> dict[str, Part]:
        """Parts by id; an id that two plugins claim belongs to neither, unless one is preferred."""
        claims: dict[str, list[Part]] = {}
        for part in parts:
            claims.setdefault(part.id, []).append(part)
        settled = {}
        for name, claimants in claims.items():
            preferred = self.config.value("prefer", name)
            chosen = [part for part in claimants if part.distribution == preferred] or claimants
            if len(chosen) == 1:
                settled[name] = chosen[0]
            else:
                self._conflicts[kind, name] = claimants
        return settled

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong with any plugin, as far as known without importing one."""
        found = [problem for plugin in self.plugins for problem in plugin.problems]
        for (kind, name), claimants in self._conflicts.items():
            for part in claimants:
                error = self._conflict(kind, name)
                found.append(
                    Problem(part.plugin, part.origin, error.message, error.hint or "", name)
                )
        return found + self.hooks.problems

    def plugin(self, name: str) -> Plugin:
        """The plugin of this entry-point name, or the only one of this distribution.

        Raises:
            PluginError: None is installed.
        """
        found = [each for each in self.plugins if each.name == name]
        found = found or [each for each in self.plugins if each.distribution == name]
        if len(found) != 1:
            names = [each.name for each in (found or self.plugins)]
            near = names if found else difflib.get_close_matches(name, names, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "zoo plugins list shows them"
            raise PluginError(f"no plugin named {name!r} is installed", hint)
        return found[0]

    # -- names, as spec.Catalog asks for them

    def names(self, kind: str) -> list[str]:
        """Ids of one kind, our own first."""
        return sorted(self._parts[kind], key=lambda name: ("/" in name, name))

    def alias(self, text: str) -> str | None:
        """What a short name stands for, or None."""
        value: str | None = self.config.value("aliases", text)
        return value

    def package(self, name: str) -> str | None:
        """The package that brings a part which is not installed, where a hint is configured."""
        value: str | None = self.config.value("known", name)
        return value

    def find(self, kind: str, name: str) -> Part | None:
        """The part of exactly this id, or None.

        Raises:
            PluginError: The id is claimed by several plugins, or its row is broken.
        """
        name = name.removeprefix("zoo/")
        found = self._parts[kind].get(name)
        if found is not None:
            return found
        if (kind, name) in self._conflicts:
            raise self._conflict(kind, name)
        for plugin in self.plugins:
            for problem in plugin.problems:
                if problem.part == f"{kind}/{name}":
                    raise PluginError(
                        f"{kind} {name} of {plugin.origin} is broken: {problem.reason}",
                        problem.remedy,
                    )
            if plugin.state != "ready" and name.startswith(f"{plugin.name}/"):
                raise PluginError(
                    f"{kind} {name}: the plugin {plugin.name} ({plugin.origin}) is "
                    f"{plugin.state}: {plugin.reason}",
                    "zoo doctor tells more",
                )
        return self.computed(kind).get(name)

    def computed(self, kind: str) -> dict[str, Part]:
        """Parts of one kind that plugins give at run time; asking imports their hook modules."""
        if kind not in self._computed:
            listed = self._parts[kind]
            parts = [part for part in self.hooks.computed(kind) if part.id not in listed]
            self._computed[kind] = {part.id: part for part in parts}
        return self._computed[kind]

    def part(self, kind: str, name: str) -> Part:
        """The part of this id or alias.

        Raises:
            UnknownPart: No plugin provides it; the message suggests what is near.
            PluginError: The id is claimed by several plugins, or its plugin is broken.
        """
        found = self.find(kind, name) or self.find(kind, self.alias(name) or name)
        if found is None:
            raise self._unknown(name, (kind,))
        return found

    def parts(
        self, pattern: str = "*", kind: str | None = None, *, computed: bool = False
    ) -> list[Part]:
        """Parts whose id matches a shell pattern or holds the text, kind by kind.

        Args:
            pattern: The pattern or text.
            kind: One kind, or None for all.
            computed: Also those that plugins give at run time, whose hook modules it imports.
        """
        glob = pattern if any(mark in pattern for mark in "*?[") else f"*{pattern}*"
        found = []
        for each in KINDS:
            if kind in (None, each):
                parts = [self._parts[each][name] for name in self.names(each)]
                parts += self.computed(each).values() if computed else ()
                found += [part for part in parts if fnmatch.fnmatchcase(part.id, glob)]
        return found

    def default(self, name: str) -> str:
        """What is used where a command is not told: of recipe or interpreter."""
        value: str = self.config.value("defaults", name)
        return value

    def presets(self, pattern: str = "*") -> dict[str, dict[str, str]]:
        """Presets whose name matches: each a spec, a recipe and a policy under one name."""
        glob = pattern if any(mark in pattern for mark in "*?[") else f"*{pattern}*"
        table = self.config.table("presets")
        return {name: table[name].value for name in table if fnmatch.fnmatchcase(name, glob)}

    def preset(self, name: str) -> dict[str, str]:
        """The preset of this name.

        Raises:
            ConfigError: There is none.
        """
        table = self.config.table("presets")
        if name not in table:
            near = difflib.get_close_matches(name, table, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "zoo list --kind preset"
            raise ConfigError(f"no preset named {name!r}", hint)
        preset: dict[str, str] = table[name].value
        return preset

    def recipes(self) -> dict[str, Path]:
        """Recipes that plugins ship in a folder `recipes` beside their manifest: name to file."""
        found: dict[str, Path] = {}
        for plugin in self.plugins:
            if plugin.state == "ready" and plugin.manifest:
                before = "" if plugin.namespace == "zoo" else f"{plugin.namespace}/"
                for path in sorted(Path(plugin.manifest).parent.glob("recipes/*.toml")):
                    found[before + path.stem] = path
        return found

    def named(self, name: str) -> list[Part]:
        """The parts of this id or alias, whatever their kind."""
        found = [part for kind in KINDS if (part := self.find(kind, name))]
        alias = self.alias(name)
        found = found or [part for kind in KINDS if alias and (part := self.find(kind, alias))]
        if not found:
            raise self._unknown(name, KINDS, others=self.presets())
        return found

    # -- specs

    def parse(self, text: str) -> ModelSpec:
        """Read a model name such as `vgg16bn@imagenet+dense-bn:dropout=0.3`.

        Raises:
            SpecError: It cannot be read; all its faults are told at once.
        """
        return parse(text, self)

    def parse_part(self, kind: str, text: str) -> PartSpec:
        """Read a policy or interpreter such as `light:rotation=10`.

        Raises:
            SpecError: It cannot be read.
        """
        return parse_part(kind, text, self)

    def resolve(self, spec: ModelSpec) -> ResolvedModel:
        """Fill in every option of a spec, and what its weights ask of the backbone.

        Raises:
            SpecError: An option contradicts what the weights need.
        """
        return ResolvedModel(spec, self.resolve_part(spec.backbone), self.resolve_part(spec.head))

    def resolve_part(self, spec: PartSpec) -> ResolvedPart:
        """Fill in every option of one part."""
        part = self.part(spec.kind, spec.name)
        weights = part.weights[spec.tag] if spec.tag else None
        needed = dict(weights.options) if weights else {}
        for name, value in needed.items():
            if spec.options.get(name, value) != value:
                raise SpecError(
                    f"the weights {spec.name}@{spec.tag} need {name}={value}, "
                    f"received {name}={spec.options[name]}",
                    f"leave {name} out, or use other weights",
                )
        defaults = {option.name: option.default for option in part.options}
        return ResolvedPart(part, defaults | needed | dict(spec.options), weights)

    def function(self, part: Part) -> Callable[..., Any]:
        """Import the function behind a part.

        Raises:
            PluginError: Its module cannot be imported or holds no such function.
        """
        module, name = part.target.split(":")
        function = getattr(import_module(module, part), name, None)
        if not callable(function):
            raise PluginError(
                f"plugin {part.plugin} ({part.origin}): {module} has no function {name}",
                "the installed files do not match the manifest: reinstall the plugin",
            )
        return function  # type: ignore[no-any-return]

    # -- messages

    def _unknown(self, name: str, kinds: Sequence[str], others: Iterable[str] = ()) -> UnknownPart:
        what = kinds[0] if len(kinds) == 1 else "part"
        if package := self.package(name):
            return UnknownPart(f"no {what} named {name!r} is installed", f"pip install {package}")
        near = suggest.near(name, [*(each for kind in kinds for each in self.names(kind)), *others])
        hint = f"did you mean {', '.join(near)}?" if near else "zoo list shows all there are"
        return UnknownPart(f"no {what} named {name!r}", hint)

    def _conflict(self, kind: str, name: str) -> PluginError:
        claimants = self._conflicts[kind, name]
        owners = " and ".join(sorted(f"{part.origin} ({part.file})" for part in claimants))
        return PluginError(
            f"the {kind} {name!r} is claimed by {owners}",
            f'uninstall one, or set [prefer] "{name}" = "DISTRIBUTION" in your own registry.toml',
        )


_loaded: Registry | None = None


def load(registry: str | os.PathLike[str] | None = None, *, plugins: bool = True) -> Registry:
    """The registry of this process: discovered once, with the configuration of the first call.

    Args:
        registry: A further configuration file.
        plugins: False leaves only what comes with zoo.

    Returns:
        The registry.
    """
    global _loaded
    if _loaded is None or registry is not None or not plugins:
        config = configuration.load(registry, plugins=plugins)
        _loaded = Registry(discovery.discover(config), config)
    return _loaded


def loaded() -> Registry | None:
    """The registry of this process, or None while nothing has asked for it."""
    return _loaded


def use(registry: Registry) -> None:
    """Make this the registry of the process, as the conformance kit does for a folder."""
    global _loaded
    _loaded = registry


def refresh() -> None:
    """Forget the registry, so that what was installed since is found."""
    import importlib

    global _loaded
    _loaded = None
    importlib.invalidate_caches()


def list_parts(pattern: str = "*", *, kind: str | None = None) -> list[dict[str, Any]]:
    """Every part whose id matches, as plain data.

    Args:
        pattern: A shell pattern or a piece of the id.
        kind: backbone, head, policy or interpreter; all by default.

    Returns:
        One dict a part, as `zoo list --json` prints it.
    """
    return [part.document() for part in load().parts(pattern, kind)]


def info(name: str) -> dict[str, Any]:
    """What zoo knows of a part, of its weights, of a preset or of a whole model name.

    Args:
        name: A part such as `vgg16bn`, with options or without, weights such as
            `vgg16@imagenet`, a preset such as `digits`, or a model such as `vgg16bn+dense-bn`.

    Returns:
        Plain data, as `zoo info --json` prints it.

    Raises:
        SpecError: A model name that cannot be read.
        UnknownPart: No plugin provides the part, and it is no preset.
    """
    registry = load()
    preset = registry.presets().get(name)
    if preset and not any(registry.find(kind, name) for kind in KINDS):
        resolved = registry.resolve(registry.parse(preset["spec"]))
        return {"preset": {"name": name, **preset}, **resolved.document()}
    if "+" in name:
        resolved = registry.resolve(registry.parse(name))
        return resolved.document()
    if "@" in name:
        spec = registry.parse_part("backbone", name)
        part = registry.part("backbone", spec.name)
        if spec.tag is not None:
            weights = asdict(part.weights[spec.tag])
            return {"id": part.id, "input": part.input, "weights": weights}
    bare = re.split("[@:(]", name)[0]
    parts = registry.named(bare)
    if bare != name:
        for part in parts:
            registry.parse_part(part.kind, name)  # Options that it does not take are refused.
    return {"parts": [part.document() for part in parts]}
