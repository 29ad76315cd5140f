"""The set of plugins that something was made with, written down so that it can be had again."""

from __future__ import annotations

import hashlib
import platform
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo import __version__, atomic
from zoo.discovery import UNKNOWN
from zoo.errors import PluginError

if TYPE_CHECKING:
    from zoo.registry import Registry

NAME = "zoo.lock"
SCHEMA = 1
MAX_BYTES = 256 * 1024

ZOO = "keras-zoo"

_TITLE = "# The plugins that zoo found here. Have them again with: zoo plugins restore FILE\n"
# What reaches pip: names and versions as the packaging standards write them, and nothing else.
_VERSION = r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}"
_HEAD = {"zoo": _VERSION, "python": _VERSION}
_PIN = {
    "name": r"[\w.-]{1,100}",
    "distribution": r"[A-Za-z0-9]([A-Za-z0-9._-]{0,99}[A-Za-z0-9])?",
    "version": _VERSION,
    "manifest": r"[0-9a-f]{64}",
}


@dataclass(frozen=True)
class Pin:
    """One plugin of a set.

    Args:
        name: Its entry point.
        distribution: Who ships it.
        version: Version of that distribution.
        manifest: sha256 of its `registry.toml`.
    """

    name: str
    distribution: str
    version: str
    manifest: str


@dataclass(frozen=True)
class Lock:
    """A set of plugins, with the versions of zoo and Python that they were found by."""

    zoo: str
    python: str
    plugins: tuple[Pin, ...]

    @property
    def versions(self) -> dict[str, str]:
        """The version of each distribution of the set, zoo's own among them."""
        return {ZOO: self.zoo} | {pin.distribution: pin.version for pin in self.plugins}

    def toml(self) -> str:
        """The set as text; the same set gives the same text."""
        lines = [_TITLE, f"schema = {SCHEMA}", f'zoo = "{self.zoo}"', f'python = "{self.python}"']
        for pin in self.plugins:
            lines += ["", "[[plugins]]"]
            lines += [f'{key} = "{value}"' for key, value in asdict(pin).items()]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the lock says.

    Args:
        what: The distribution or plugin concerned, or `python`.
        kind: `missing` and `version` are mended by pip; `manifest` is another build of the same
            version, `state` a plugin that is broken or switched off; `extra` and `python` are
            worth knowing.
        locked: What the lock says, or empty.
        found: What is here, or empty.
    """

    what: str
    kind: Literal["missing", "version", "manifest", "state", "extra", "python"]
    locked: str
    found: str


def of(registry: Registry) -> Lock:
    """The set that takes part here: every plugin that is ready and has a version."""
    pins = [
        Pin(each.name, each.distribution, each.version, _sha256(Path(each.manifest)))
        for each in registry.plugins
        if each.state == "ready"
    ]
    # One without metadata has no version to ask pip for.
    pins = [pin for pin in pins if not _fault(asdict(pin), _PIN) and pin.version != UNKNOWN]
    pins.sort(key=lambda pin: (pin.distribution.lower(), pin.name))
    return Lock(__version__, platform.python_version(), tuple(pins))


def write(lock: Lock, path: Path) -> None:
    """Write a lock beside its name and rename it; an older lock of that name is replaced.

    Raises:
        PluginError: The name belongs to something else, or cannot be written.
    """
    if path.exists():
        read(path)  # refuses to replace what is no lock
    try:
        with atomic.replacing(path) as beside:
            beside.write_text(lock.toml(), encoding="utf-8")
    except OSError as error:
        raise PluginError(f"{path} cannot be written: {error.strerror}") from error


def read(path: Path) -> Lock:
    """Read a lock.

    Args:
        path: The file, or a folder that holds a `zoo.lock`, such as a run.

    Raises:
        PluginError: It is no lock, of a newer schema, or says what a lock cannot say.
    """
    path = path / NAME if path.is_dir() else path
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PluginError(f"{path}: {size} bytes, a lock holds at most {MAX_BYTES}")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PluginError(
            f"{path}: cannot be read: {error.strerror}", "zoo plugins lock writes one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PluginError(f"{path}: no lock: not TOML", "zoo plugins lock writes one") from error
    return _validate(path, data)


def differences(lock: Lock, registry: Registry) -> list[Difference]:
    """What is not here as the lock says, what pip can mend first."""
    here = of(registry)
    plugins = {plugin.name: plugin for plugin in registry.plugins}
    versions = _canonical(here.versions) | _canonical(
        {plugin.distribution: plugin.version for plugin in registry.plugins}
    )
    found: list[Difference] = []
    wrong = set()
    for distribution, version in sorted(lock.versions.items()):
        there = versions.get(_name(distribution))
        if there != version:
            wrong.add(distribution)
            kind: Any = "version" if there else "missing"
            found.append(Difference(distribution, kind, version, there or ""))
    pinned = {pin.name: pin for pin in here.plugins}
    for pin in lock.plugins:
        if pin.distribution in wrong:
            continue
        if pin.name in pinned:
            if pinned[pin.name].manifest != pin.manifest:
                digests = pin.manifest, pinned[pin.name].manifest
                found.append(Difference(pin.name, "manifest", *digests))
        else:
            plugin = plugins.get(pin.name)
            state = f"{plugin.state}: {plugin.reason}" if plugin else "not there"
            found.append(Difference(pin.name, "state", "ready", state))
    names = {pin.name for pin in lock.plugins}
    found += [
        Difference(pin.name, "extra", "", f"{pin.distribution} {pin.version}")
        for pin in here.plugins
        if pin.name not in names
    ]
    if lock.python != here.python:
        found.append(Difference("python", "python", lock.python, here.python))
    return found


def _canonical(versions: dict[str, str]) -> dict[str, str]:
    return {_name(distribution): version for distribution, version in versions.items()}


def _name(distribution: str) -> str:
    """One spelling of a distribution's name: zoo_acme and Zoo-Acme are the same."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _validate(path: Path, data: dict[str, Any]) -> Lock:
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise PluginError(
            f"{path}: schema {schema} is newer than this zoo reads ({SCHEMA})", "upgrade keras-zoo"
        )
    if schema != SCHEMA:
        raise PluginError(
            f"{path}: no lock: its schema is {schema!r}, accepted is {SCHEMA}",
            "zoo plugins lock writes one",
        )
    rows = data.get("plugins", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PluginError(f"{path}: plugins is not a list of tables", "write it with [[plugins]]")
    tables = [("", {k: v for k, v in data.items() if k not in ("schema", "plugins")}, _HEAD)]
    tables += [(f"plugin {number}: ", row, _PIN) for number, row in enumerate(rows, 1)]
    for where, table, forms in tables:
        if fault := _fault(table, forms):
            raise PluginError(f"{path}: {where}{fault}", "zoo plugins lock writes such a file")
    return Lock(data["zoo"], data["python"], tuple(Pin(**row) for row in rows))


def _fault(table: dict[str, Any], forms: dict[str, str]) -> str | None:
    """What is wrong with a table of texts, each of a form of its own."""
    for key, form in forms.items():
        value = table.get(key)
        if value is None:
            return f"{key} is missing"
        if not isinstance(value, str) or not re.fullmatch(form, value):
            return f"{key} cannot be {value!r:.80}"
    unknown = [key for key in table if key not in forms]
    return f"unknown key {unknown[0]!r:.80}" if unknown else None
