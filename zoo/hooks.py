"""The hooks a plugin may implement: behaviour, where a manifest can only hold data.

A hook module is named in the manifest (`hooks = "acme_zoo.hooks"`), imported when a command first
needs behaviour, and must be quick and silent to import. It marks functions with `zoo.api.hookimpl`
and takes only the arguments it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    import click
    import keras

    from zoo.errors import ZooError
    from zoo.export_format import ExportFormat
    from zoo.part import Weights

hookspec = pluggy.HookspecMarker("zoo")


@hookspec
def zoo_parts(kind: str) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[empty-body]
    """Give parts that are known at run time only, such as one for each file in a folder.

    The manifest names the kinds under `computes`. A name that no manifest holds is then looked
    for here, and `zoo list --computed` shows what there is.

    Args:
        kind: backbone, head, policy or interpreter.

    Returns:
        Name to row, each as in `[KIND.NAME]` of a manifest.
    """


@hookspec(firstresult=True)
def zoo_resolve_weights(source: str, weights: Weights) -> Path | None:
    """Fetch weights from a source whose scheme zoo does not know; the first answer is taken.

    Args:
        source: The address in the manifest, such as `keras://vgg16/notop.h5`.
        weights: The row of the manifest.

    Returns:
        A local file, whose digest zoo then checks, or None for another plugin to answer.
    """


@hookspec
def zoo_model_built(model: keras.Model, document: dict[str, Any]) -> str | None:
    """React to a model that was assembled.

    Args:
        model: The model.
        document: The resolved spec.

    Returns:
        A sentence of advice for the user, or None.
    """


@hookspec
def zoo_callbacks(run: Path) -> list[keras.callbacks.Callback]:  # type: ignore[empty-body]
    """Add callbacks to a training.

    Args:
        run: The folder the training writes to.
    """


@hookspec
def zoo_model_exported(folder: Path, document: dict[str, Any]) -> list[Path] | None:
    """Add files beside a model that was exported to ONNX.

    Args:
        folder: The folder of the export, not yet renamed to its final name.
        document: What `zoo.json` holds.

    Returns:
        The files that were added.
    """


@hookspec
def zoo_export_formats() -> Iterable[ExportFormat]:  # type: ignore[empty-body]
    """Give formats for `zoo export --format NAME`, each a `zoo.api.ExportFormat`."""


@hookspec
def zoo_commands() -> list[click.Command]:  # type: ignore[empty-body]
    """Give the commands that the manifest names under `[commands]`."""


@hookspec
def zoo_doctor_checks() -> Iterable[tuple[str, bool, str]]:  # type: ignore[empty-body]
    """Give checks for `zoo doctor`: (what was checked, whether it is well, what to do if not)."""


@hookspec
def zoo_error_hints(error: ZooError) -> str | None:
    """Say what to do about an error, where a plugin knows more than zoo.

    The command has failed, and the error is printed already.

    Args:
        error: Its class tells the kind, `message` and `hint` are what the user reads.

    Returns:
        One line, printed below the error with the plugin's name, or None.
    """
