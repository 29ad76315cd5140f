"""Configuration in layers, from shipped to environment; each value keeps its origin."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import platformdirs

from zoo import atomic
from zoo.errors import ConfigError

SHIPPED = Path(__file__).with_name("registry.toml")
PROJECT = Path(".zoo") / "registry.toml"

_TABLES = {
    "aliases": "a short name for a part, such as vgg = 'acme/vgg19bn'",
    "presets": "a table with spec, recipe and policy",
    "defaults": "a value for recipe or interpreter",
    "known": "a part and the package to install for it",
    "namespaces": "a namespace and the distributions that may fill it",
    "prefer": "a namespace or part and the distribution that wins it",
    "trust": "allow, deny or disabled, each a list of distributions or plugins",
}
_PRESET_KEYS = ("spec", "recipe", "policy", "input-size", "crop-from", "summary")
_DEFAULT_KEYS = ("recipe", "interpreter")
_TRUST_KEYS = ("allow", "deny", "disabled")
# What only the person at the machine decides, never a folder that was downloaded.
_NOT_FOR_PROJECTS = ("prefer", "namespaces")


@dataclass(frozen=True)
class Layer:
    """One source of configuration, read and checked."""

    name: str
    origin: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """A value and the layer it comes from."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Config:
    """The layers laid over each other, weakest first."""

    layers: tuple[Layer, ...]

    def table(self, name: str) -> dict[str, Setting]:
        """One table merged over all layers; the last layer that sets a key wins it."""
        return {
            key: Setting(value, layer.origin)
            for layer in self.layers
            for key, value in layer.data.get(name, {}).items()
        }

    def settings(self) -> list[tuple[str, Any, str]]:
        """Every value in force with its origin; trust is added up, so each layer's shows."""
        merged = [
            (f"{table}.{key}", setting.value, setting.origin)
            for table in sorted(_TABLES.keys() - {"trust"})
            for key, setting in sorted(self.table(table).items())
        ]
        trust = [
            (f"trust.{key}", names, layer.origin)
            for layer in self.layers
            for key, names in layer.data.get("trust", {}).items()
        ]
        return merged + trust

    def value(self, table: str, key: str, default: Any = None) -> Any:
        """One merged value."""
        for layer in reversed(self.layers):
            if key in layer.data.get(table, {}):
                return layer.data[table][key]
        return default

    @cached_property
    def denied(self) -> dict[str, str]:
        """Distributions and plugins switched off, with the reason; no layer takes one back."""
        reasons = {}
        for layer in self.layers:
            trust = layer.data.get("trust", {})
            reasons.update(dict.fromkeys(trust.get("deny", ()), f"denied by {layer.origin}"))
            reasons.update(dict.fromkeys(trust.get("disabled", ()), f"disabled by {layer.origin}"))
        return reasons

    def refusal(self, plugin: str, distribution: str) -> str | None:
        """Why a plugin may not be loaded, or None if it may."""
        for name in (plugin, distribution):
            if name in self.denied:
                return self.denied[name]
        if distribution in self.value("namespaces", "zoo", ()):
            return None
        for layer in self.layers:
            allowed = layer.data.get("trust", {}).get("allow")
            if allowed is not None and plugin not in allowed and distribution not in allowed:
                return f"not among the allowed of {layer.origin}"
        return None


def load(registry: str | os.PathLike[str] | None = None, *, plugins: bool = True) -> Config:
    """Read every layer of configuration.

    Args:
        registry: A further file that goes over the user's and the project's, as `--registry`.
        plugins: False leaves only what comes with zoo, as `--no-plugins`.

    Returns:
        The merged configuration.

    Raises:
        ConfigError: A file cannot be read or holds what is not accepted.
    """
    layers = [read("shipped", SHIPPED)]
    user = user_file()
    if user.is_file():
        layers.append(read("user", user))
    project = find_project(Path.cwd())
    if project is not None and project.resolve() != user.resolve():
        layers.append(read("project", project))
    for name, path in (("environment", os.environ.get("ZOO_REGISTRY")), ("--registry", registry)):
        if path:
            layers.append(read(name, Path(path)))
    disabled = _names(os.environ.get("ZOO_DISABLE", ""))
    if disabled:
        layers.append(Layer("environment", "ZOO_DISABLE", {"trust": {"disabled": disabled}}))
    if not plugins or os.environ.get("ZOO_NO_PLUGINS", "") not in ("", "0"):
        layers.append(Layer("command", "--no-plugins", {"trust": {"allow": []}}))
    return Config(tuple(layers))


def user_file() -> Path:
    """The user's own registry.toml: `$ZOO_CONFIG`, or the one in their configuration folder."""
    folder = Path(platformdirs.user_config_dir("zoo", appauthor=False))
    return Path(os.environ.get("ZOO_CONFIG", folder / "registry.toml"))


def disable(plugin: str) -> Path:
    """Switch a plugin off in the user's file, and keep everything else in it as it is."""
    return _edit_disabled(lambda names: [*(name for name in names if name != plugin), plugin])


def enable(plugin: str) -> Path:
    """Switch a plugin on again in the user's file."""
    return _edit_disabled(lambda names: [name for name in names if name != plugin])


def _edit_disabled(edit: Callable[[list[str]], list[str]]) -> Path:
    import tomlkit

    path = user_file()
    if path.is_file():
        read("user", path)  # refuses a file that is already wrong, before it is touched
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    document = tomlkit.parse(text)
    trust = document.setdefault("trust", tomlkit.table())
    trust["disabled"] = edit(list(trust.get("disabled", [])))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(path) as beside:
        beside.write_text(tomlkit.dumps(document), encoding="utf-8")
    return path


def find_project(folder: Path) -> Path | None:
    """The nearest `.zoo/registry.toml` in a folder or above it."""
    try:
        return next(
            (path for up in (folder, *folder.parents) if (path := up / PROJECT).is_file()), None
        )
    except OSError:
        return None


def read(name: str, path: Path) -> Layer:
    """Read one file as a layer and check every key of it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}", "see toml.io for the syntax") from error
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", f"it is the {name} configuration"
        ) from error
    for table, entries in data.items():
        _check_table(name, path, table, entries)
    return Layer(name, f"{name} ({path})", data)


def _check_table(layer: str, path: Path, table: str, entries: Any) -> None:
    if table not in _TABLES:
        raise ConfigError(
            f"{path}: unknown table [{table}]", f"accepted: {', '.join(sorted(_TABLES))}"
        )
    if not isinstance(entries, dict):
        raise ConfigError(f"{path}: {table} is not a table", f"write [{table}]: {_TABLES[table]}")
    if layer == "project" and table in _NOT_FOR_PROJECTS:
        raise ConfigError(
            f"{path}: a project may not set [{table}]", "put it in your own registry.toml"
        )
    for key, value in entries.items():
        if table == "presets":
            _check_keys(path, f"presets.{key}", value, _PRESET_KEYS)
            if "spec" not in value:
                raise ConfigError(
                    f"{path}: presets.{key} has no spec", "name its model: spec = ..."
                )
        elif table in ("trust", "namespaces"):
            if table == "trust":
                _check_keys(path, "trust", {key: ""}, _TRUST_KEYS)
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ConfigError(
                    f"{path}: {table}.{key} takes a list of names, received {value!r}"
                )
        elif not isinstance(value, str):
            raise ConfigError(
                f"{path}: {table}.{key} takes a text, received {value!r}", _TABLES[table]
            )
        elif table == "defaults":
            _check_keys(path, "defaults", {key: value}, _DEFAULT_KEYS)


def _check_keys(path: Path, where: str, table: Any, accepted: Iterable[str]) -> None:
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise ConfigError(f"{path}: {where} takes a table of texts, received {table!r}")
    for key in table:
        if key not in accepted:
            raise ConfigError(
                f"{path}: {where} has no key {key!r}", f"accepted: {', '.join(accepted)}"
            )


def _names(text: str) -> list[str]:
    return [name for name in text.replace(",", " ").split() if name]
