"""A model in a format of a plugin's, held to the same proof as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.discovery import Plugin
from zoo.engine import anatomy
from zoo.engine.export import bundle, parity, reference
from zoo.errors import ExportError, ZooError
from zoo.export_format import ExportFormat


def convert(
    model: keras.Model, folder: Path, plugin: Plugin, format: ExportFormat
) -> dict[str, Any]:
    """Write a model in a format into a folder.

    Args:
        model: The model.
        folder: An export's folder.
        plugin: Who gives the format.
        format: The format.

    Returns:
        What `zoo.json` says of it: `format`, `plugin` and `files`, their bytes by name.

    Raises:
        ExportError: The plugin failed, or wrote nothing.
    """
    try:
        files = [Path(path) for path in format.write(_network(model), folder)]
    except ZooError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(plugin, format, "could not write the model", error) from error
    missing = [path for path in files if not path.is_file() or folder not in path.parents]
    if missing or not files:
        what = f"no file {missing[0].name}" if missing else "nothing"
        raise ExportError(
            f"the format {format.name} of {plugin.origin} wrote {what}",
            f"report it to the authors of {plugin.distribution}",
        )
    return {
        "format": format.name,
        "plugin": plugin.origin,
        "files": {path.relative_to(folder).as_posix(): path.stat().st_size for path in files},
    }


def compare(folder: Path, plugin: Plugin, format: ExportFormat) -> dict[str, Any]:
    """Ask the written files for the golden logits.

    Returns:
        `largest_logit`, `tolerance`, `max_difference`, `p99_9`, `cosine`, `top1_agreement`,
        `batches` and `pictures`, as for ONNX.

    Raises:
        ExportError: They cannot be asked.
    """
    with np.load(folder / bundle.GOLDEN) as archive:
        images, expected, names = (archive[name] for name in ("images", "logits", "names"))
    batches = np.split(images.astype(np.float32), np.cumsum(parity.BATCHES)[:-1])
    try:
        answers = [np.asarray(format.logits(folder, batch), np.float32) for batch in batches]
        given = np.concatenate(answers)
    except ZooError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(plugin, format, "could not ask its own file", error) from error
    if given.shape != expected.shape:
        raise ExportError(
            f"the format {format.name} of {plugin.origin} gave logits of shape {given.shape}, "
            f"expected {expected.shape}",
            f"report it to the authors of {plugin.distribution}",
        )
    return parity.compared(given, expected, names)


def _network(model: keras.Model) -> keras.Model:
    """The model with named outputs, in float32 throughout."""
    outputs = {"probabilities": model.output, "logits": anatomy.logits_tensor(model)}
    network = keras.Model(model.input, outputs)
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return network
    clone = keras.models.clone_model(network, clone_function=reference.in_float32)
    clone.set_weights(network.get_weights())
    return clone


def _failed(plugin: Plugin, format: ExportFormat, what: str, error: BaseException) -> ExportError:
    words = (str(error).strip() or "no message").splitlines()[0][:200]
    return ExportError(
        f"the format {format.name} of {plugin.origin} {what}: {type(error).__name__}: {words}",
        f"report it to the authors of {plugin.distribution}",
    )
