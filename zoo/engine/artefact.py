"""A model on disk: a `.keras` file that Keras alone can load, with zoo's anatomy inside."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from zoo import __version__, atomic, registry, stored, untrusted
from zoo.engine import anatomy
from zoo.engine.anatomy import Anatomy, of
from zoo.errors import ModelError

AUXILIARY = "auxiliary"
"""Key for the names of the outputs that are auxiliary classifiers."""


def save(model: keras.Model, path: str | Path, *, auxiliary: bool = False) -> Path:
    """Write a model and its anatomy to one `.keras` file, beside and renamed.

    Args:
        model: The model.
        path: Where to, ending in `.keras`. A file that is there is replaced.
        auxiliary: Keep auxiliary classifiers, which only a training goes on with. To Keras alone
            they are further outputs.

    Returns:
        The path.

    Raises:
        ModelError: The name does not end in `.keras`, or the folder does not exist.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ModelError(f"{path} is no name for a model", "let it end in .keras")
    if not path.parent.is_dir():
        raise ModelError(f"the folder {path.parent} does not exist", "make it first")
    document = {"format": stored.FORMAT, "zoo": __version__, **of(model).document()}
    if auxiliary:
        document[AUXILIARY] = list(anatomy.auxiliary(model))
        model = anatomy.whole(model)
    try:
        with atomic.replacing(path) as beside:
            keras.saving.save_model(model, beside)
            with zipfile.ZipFile(beside, "a") as archive:
                archive.writestr(stored.MEMBER, json.dumps(document))
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def load(target: str | Path, *, values: bool = True) -> keras.Model:
    """Load a model from a run folder or a `.keras` file.

    Args:
        target: The folder of a run, or a file written by zoo or by Keras 3.
        values: Fill its variables. Without, the layers are there and their variables hold nothing.

    Returns:
        The model, not compiled, with its anatomy. Of a file without one, the anatomy is what can
        be seen from outside.

    Raises:
        RunError: There is no model.
        ModelError: The file is of another kind, damaged, or holds code.
    """
    path = stored.locate(target)
    facts = stored.facts(path)
    _look_through(path, facts or {})
    _import_layers(path)
    try:
        # safe_mode stays on: a file may hold layers, never functions.
        if values:
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        else:
            model = _layers(path)
    except Exception as error:  # Keras raises whatever its parsers raise
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"{path} cannot be loaded: {reason}") from error
    if facts is not None:
        beside = facts.pop(AUXILIARY, ())
        try:
            if beside:
                output, *others = model.outputs
                model = keras.Model(model.inputs[0], output, name=model.name)
                model.zoo_auxiliary = dict(zip(beside, others, strict=True))
            model.zoo_anatomy = Anatomy.read(facts)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: {stored.MEMBER} is damaged") from error
    return model


def _layers(path: Path) -> keras.Model:
    """The model without the numbers of its variables."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    config.pop("compile_config", None)
    config.pop("build_config", None)
    with keras.StatelessScope(initialize_variables=False):
        return keras.saving.deserialize_keras_object(config, safe_mode=True)


def _look_through(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse what a file should not hold, and name the plugin that a model needs."""
    packages = {
        plugin.keras_package
        for plugin in registry.load().plugins
        if plugin.state == "ready" and plugin.keras_package
    }
    backbone = (facts.get("resolved") or {}).get("backbone") or {}
    untrusted.check(path, packages, str(backbone.get("distribution", "")))


def _import_layers(path: Path) -> None:
    """Import the plugins whose own layers the file holds.

    Keras finds a class of its own by import and any other among those that were registered. The
    name of a registered class begins with its package, which a manifest claims as `keras-package`;
    only what the registry knows and trusts is imported, never a name from the file.
    """
    packages = stored.layer_packages(path)
    for plugin in registry.load().plugins if packages else ():
        if plugin.state == "ready" and plugin.keras_package in packages:
            for part in plugin.parts:
                registry.load().function(part)
