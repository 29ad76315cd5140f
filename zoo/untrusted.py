"""A `.keras` file looked through as data, before Keras builds anything that it describes.

Keras' safe mode refuses most of this as well; here it is refused with a sentence, and whatever a
later Keras may allow.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from zoo.errors import ModelError

MEMBERS = frozenset({"metadata.json", "config.json", "model.weights.h5", "zoo.json"})
MAX_CONFIG = 64 << 20
"""Bytes of a configuration; the largest network of keras.applications takes one million."""

MAX_RATIO = 200
"""Times that a member may grow when it is unpacked; Keras packs nothing."""

MAX_INTEGER = 1 << 24
MAX_ELEMENTS = 1 << 31
"""Numbers in a shape: eight gigabytes of float32."""

CODE = {
    "Lambda": "a Lambda layer, which is code",
    "__lambda__": "a Python function, which is code",
    "TFSMLayer": "a reference to another model on disk",
    "TorchModuleWrapper": "a pickled PyTorch module",
    "JaxLayer": "a Python function, which is code",
    "FlaxLayer": "a Python function, which is code",
}


def check(path: Path, packages: Collection[str], origin: str = "") -> None:
    """Refuse a file that holds anything but layers of known packages, of sizes that can be meant.

    Args:
        path: A zip with a `config.json`.
        packages: Packages of layers that installed plugins bring.
        origin: Distribution that made the backbone, where the file says so.

    Raises:
        ModelError: The first thing that is wrong.
    """
    with zipfile.ZipFile(path) as archive:
        _check_members(path, archive.infolist())
        try:
            config = json.loads(archive.read("config.json"))
        except (ValueError, RecursionError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: config.json is damaged") from error
    try:
        for key, value in _walk("", config):
            if isinstance(value, dict):
                _check_object(path, value, packages, origin)
            else:
                _check_size(path, key, value)
    except RecursionError as error:
        raise ModelError(f"{path}: config.json is nested too deeply") from error


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ModelError(f"{path} holds a member twice, and readers differ on which counts")
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if member.filename not in MEMBERS and (parts[0] != "assets" or ".." in parts):
            raise ModelError(
                f"{path} holds {member.filename!a}, which belongs in no model",
                "save it anew with model.save('model.keras')",
            )
        if member.file_size > MAX_RATIO * max(member.compress_size, 1 << 10):
            raise ModelError(
                f"{path}: {member.filename} unpacks from {member.compress_size} to "
                f"{member.file_size} bytes"
            )
        if member.filename == "config.json" and member.file_size > MAX_CONFIG:
            raise ModelError(f"{path}: config.json of {member.file_size} bytes is too large")


def _walk(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield key, value
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _walk(str(name), each)
    elif isinstance(value, list):
        for each in value:
            yield from _walk(key, each)


def _check_object(
    path: Path, value: dict[str, Any], packages: Collection[str], origin: str
) -> None:
    """One serialised object: its class must be Keras' own or of a plugin that is installed."""
    name, module = value.get("class_name"), value.get("module")
    if not isinstance(name, str) or "config" not in value:
        return
    if name in CODE:
        raise ModelError(
            f"{path} holds {CODE[name]}; zoo opens models made of layers only",
            "build it of Keras layers, and save it again",
        )
    if module is None or _is_keras(str(module)):
        return
    package, mark, _ = str(value.get("registered_name") or "").partition(">")
    if mark and package in packages:
        return
    if mark and package != "Custom":
        raise ModelError(
            f"{path} needs the layer {package}>{name}, which no installed plugin brings",
            f"pip install {origin}" if origin else f"install the plugin that brings {package}",
        )
    if not (module == "builtins" and name.startswith("__")):
        raise ModelError(
            f"{path} refers to {module}.{name}, which is neither Keras' nor of a plugin",
            "ship the class in a plugin, registered under its keras-package",
        )


def _is_keras(module: str) -> bool:
    return module.split(".")[0] == "keras"


def _check_size(path: Path, key: str, value: Any) -> None:
    if "seed" in key or key == "shared_object_id":  # numbers of any size
        return
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ModelError(f"{path}: {key} = {value} is no size of a layer")
    if isinstance(value, list) and key.endswith("shape"):
        extents = [each for each in value if isinstance(each, int)]
        if math.prod(extents) > MAX_ELEMENTS:
            raise ModelError(f"{path}: {key} = {value} is no shape of a picture or map")
