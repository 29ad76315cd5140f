"""File formats that plugins add to `zoo export`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import suggest
from zoo.errors import ExportError

if TYPE_CHECKING:
    import keras
    import numpy

    from zoo.discovery import Plugin
    from zoo.registry import Registry

ONNX = "onnx"
"""The format that zoo itself writes."""


@dataclass(frozen=True)
class ExportFormat:
    """A file format, given by the hook `zoo_export_formats`.

    Args:
        name: What users type after `--format`.
        summary: One line that says whom it is for.
        write: Called with a float32 model from `image` [N,H,W,3], 0..255, to a dict of
            `probabilities` and `logits`, and the folder to write into. Gives the files.
        logits: Called with that folder and pictures, float32 [N,H,W,3]. Gives what the written
            files answer, [N,classes], which zoo compares with the original.
    """

    name: str
    summary: str
    write: Callable[[keras.Model, Path], Sequence[Path]]
    logits: Callable[[Path, numpy.ndarray], numpy.ndarray]


def find(name: str, registry: Registry) -> tuple[Plugin, ExportFormat]:
    """The format of a name, and the plugin that gives it.

    Raises:
        ExportError: There is none, or several plugins give one of this name.
    """
    formats = [
        (plugin, each)
        for plugin, given in registry.hooks.call("zoo_export_formats")
        for each in given
    ]
    found = [(plugin, each) for plugin, each in formats if each.name == name]
    if len(found) > 1:
        owners = " and ".join(sorted(plugin.origin for plugin, _ in found))
        raise ExportError(
            f"the format {name!r} is given by {owners}", "switch one off: zoo plugins disable"
        )
    if not found:
        names = [ONNX, *(each.name for _, each in formats)]
        near = suggest.near(name, names)
        raise ExportError(
            f"no export format named {name!r}",
            f"did you mean {', '.join(near)}?" if near else f"formats: {', '.join(names)}",
        )
    return found[0]
