"""What holds for the hook that adds files beside an exported model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from zoo.engine.export import export
from zoo.plugins import import_module
from zoo.registry import load
from zoo.testing import stand_ins
from zoo.testing.package import Package
from zoo.testing.subject import Skip

HOOK = "zoo_model_exported"


def files_are_added(package: Package) -> None:
    """Beside an exported model the hook adds the files that it says, inside the folder."""
    plugin = package.plugin
    if not plugin.hooks or not hasattr(import_module(plugin.hooks, plugin), HOOK):
        raise Skip(f"the plugin has no {HOOK}")
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out).resolve() / "deploy"
        added = export(stand_ins.model(), folder)["added"].get(plugin.name, [])
        problems = [each for each in load().hooks.problems if each.plugin == plugin.name]
        assert not problems, problems[0].reason
        for name in added:
            path = (folder / name).resolve()
            assert path.is_file(), f"{name} was named and is not there"
            assert folder in path.parents, f"{name} lies outside the export"


CHECKS = (files_are_added,)
