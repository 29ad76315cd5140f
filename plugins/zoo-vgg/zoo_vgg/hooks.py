"""Weights that keras.applications publishes: `keras://FOLDER/FILE`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from zoo.api import cached, hookimpl

if TYPE_CHECKING:
    from typing import Any

SCHEME = "keras://"
STORAGE = "https://storage.googleapis.com/tensorflow/keras-applications/"


@hookimpl
def zoo_resolve_weights(source: str, weights: Any) -> Path | None:
    """A file of keras.applications: in Keras' own folder where it is there, else zoo's cache."""
    if not source.startswith(SCHEME):
        return None
    address = source.removeprefix(SCHEME)
    path = _home() / "models" / address.rpartition("/")[2]
    return path if path.is_file() else cached(urljoin(STORAGE, address), weights)


@hookimpl
def zoo_doctor_checks() -> list[tuple[str, bool, str]]:
    """Tell whether Keras can keep its weights; where it cannot, it silently turns to /tmp."""
    home = _home()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    advice = f"make {there} writable, or point KERAS_HOME at a folder of yours"
    return [("Keras' folder for weights can be written", os.access(there, os.W_OK), advice)]


def _home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
