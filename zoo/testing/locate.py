"""Find the plugin to check: installed, or in a folder that is not installed yet."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from zoo import config, discovery, registry
from zoo.discovery import Plugin
from zoo.errors import PluginError
from zoo.registry import Registry


def locate(target: str) -> Plugin:
    """The plugin of this name, or the one whose project folder this is.

    Args:
        target: Name of a plugin or distribution, or a folder with a `pyproject.toml`. A word
            without a separator is a name first.

    Returns:
        The plugin. One from a folder is added to the registry of this process.

    Raises:
        PluginError: There is none.
    """
    if not _is_path(target):
        try:
            return registry.load().plugin(target)
        except PluginError:
            if not Path(target).is_dir():
                raise
    folder = Path(target)
    if not folder.is_dir():
        raise PluginError(f"there is no folder {folder}", "name a project, or an installed plugin")
    name, package, distribution, version = _project(folder / "pyproject.toml")
    for root in (folder, folder / "src"):
        if (root / package).is_dir():
            sys.path.insert(0, str(root.resolve()))
            break
    else:
        raise PluginError(
            f"{folder}: there is no package {package} here, which the entry point {name} names",
            "put it beside pyproject.toml or under src/",
        )
    plugin = discovery.read_plugin(name, package, distribution, version)
    others = [each for each in registry.load().plugins if each.name != name]
    registry.use(Registry([*others, plugin], config.load()))
    return plugin


def _is_path(target: str) -> bool:
    return target in (".", "..") or "/" in target or "\\" in target


def _project(path: Path) -> tuple[str, str, str, str]:
    """Name, package, distribution and version of the plugin that a project declares."""
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
        points = dict(project.get("entry-points", {}).get("zoo", {}))
    except OSError as error:
        raise PluginError(
            f"{path} cannot be read: {error.strerror}", "name the folder of a project"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PluginError(f"{path}: not TOML: {error}", "see toml.io for the syntax") from error
    except (AttributeError, TypeError, ValueError):
        points = {}
    if len(points) > 1:
        names = ", ".join(sorted(points))
        raise PluginError(f"{path} declares {len(points)} plugins: {names}", "check one by name")
    for name, package in points.items():
        distribution, version = project.get("name", name), project.get("version", "0")
        return name, str(package), str(distribution), str(version)
    raise PluginError(
        f"{path} declares no plugin", 'write [project.entry-points.zoo] acme = "acme_zoo"'
    )
