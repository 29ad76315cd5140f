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
        target: Name of a plugin or distribution, or a folder with a `pyproject.toml`.

    Returns:
        The plugin. One from a folder is added to the registry of this process.

    Raises:
        PluginError: There is none.
    """
    folder = Path(target)
    if not folder.is_dir():
        return registry.load().plugin(target)
    name, package, distribution, version = _project(folder / "pyproject.toml")
    installed = [each for each in registry.load().plugins if each.name == name]
    for root in (folder, folder / "src"):
        if (root / package / "__init__.py").is_file():
            sys.path.insert(0, str(root.resolve()))
            break
    else:
        raise PluginError(
            f"{folder}: there is no package {package} here, which the entry point {name} names",
            "put it beside pyproject.toml or under src/",
        )
    plugin = discovery.read_plugin(name, package, distribution, version)
    others = [each for each in registry.load().plugins if each not in installed]
    registry.use(Registry([*others, plugin], config.load()))
    return plugin


def _project(path: Path) -> tuple[str, str, str, str]:
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        ((name, package),) = project["entry-points"]["zoo"].items()
        return name, package, project["name"], str(project.get("version", "0"))
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}", "name a project") from error
    except tomllib.TOMLDecodeError as error:
        raise PluginError(f"{path}: not TOML: {error}", "see toml.io for the syntax") from error
    except (KeyError, ValueError, AttributeError) as error:
        raise PluginError(
            f"{path} declares no plugin, or more than one",
            'write [project.entry-points.zoo] acme = "acme_zoo"',
        ) from error
