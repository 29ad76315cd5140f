"""A plugin as a whole, under test: its distribution, its hooks, the project it is made from."""

from __future__ import annotations

import tomllib
from functools import cached_property
from importlib import metadata
from pathlib import Path

from zoo.discovery import Plugin


class Package:
    """A plugin as a whole.

    Args:
        plugin: From discovery; it must be ready.
    """

    kind = "plugin"

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    @property
    def name(self) -> str:
        """What its checks are called by: `plugin/acme`."""
        return f"plugin/{self.plugin.name}"

    @property
    def folder(self) -> Path:
        """Where `registry.toml` and the modules are."""
        return Path(self.plugin.manifest).parent

    @cached_property
    def project(self) -> Path | None:
        """The folder whose `pyproject.toml` declares the plugin; None beside a mere wheel."""
        for folder in (self.folder.parent, self.folder.parent.parent):
            try:
                project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
                if self.plugin.name in project["project"]["entry-points"]["zoo"]:
                    return folder
            except (OSError, KeyError, tomllib.TOMLDecodeError):
                continue
        return None

    @cached_property
    def readme(self) -> str:
        """What the project says of itself: its README, or the description in its metadata."""
        if self.project is not None:
            found = sorted(self.project.glob("README*"))
            return found[0].read_text(encoding="utf-8") if found else ""
        try:
            facts = metadata.metadata(self.plugin.distribution)
        except metadata.PackageNotFoundError:
            return ""
        return facts.get("Description") or str(facts.get_payload() or "")
