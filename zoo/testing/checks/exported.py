"""What holds for the hooks of export: files beside a model, and formats."""

from __future__ import annotations

import tempfile
from pathlib import Path

from zoo.engine.export import export
from zoo.plugins import Hooks, import_module
from zoo.registry import load
from zoo.testing import stand_ins
from zoo.testing.package import Package
from zoo.testing.subject import Skip


def files_are_added(package: Package) -> None:
    """Beside an exported model the hook adds the files that it says, inside the folder."""
    plugin, hook = package.plugin, "zoo_model_exported"
    if not plugin.hooks or not hasattr(import_module(plugin.hooks, plugin), hook):
        raise Skip(f"the plugin has no {hook}")
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out).resolve() / "deploy"
        added = export(stand_ins.model(), folder)["added"].get(plugin.name, [])
        problems = [each for each in load().hooks.problems if each.plugin == plugin.name]
        assert not problems, problems[0].reason
        for name in added:
            path = (folder / name).resolve()
            assert path.is_file(), f"{name} was named and is not there"
            assert folder in path.parents, f"{name} lies outside the export"


def formats_give_the_same_logits(package: Package) -> None:
    """In each export format of the plugin a model gives the logits that it gives in Keras."""
    given = Hooks([package.plugin]).call("zoo_export_formats")
    formats = [each.name for _, formats in given for each in formats]
    if not formats:
        raise Skip("the plugin has no export format")
    for name in formats:
        with tempfile.TemporaryDirectory() as out:
            export(stand_ins.model(), Path(out) / "deploy", format=name)


CHECKS = (files_are_added, formats_give_the_same_logits)
