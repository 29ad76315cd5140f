"""Weights that keras.applications publishes: `keras://FOLDER/FILE`."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.api import WeightsError, hookimpl

if TYPE_CHECKING:
    from typing import Any

SCHEME = "keras://"
STORAGE = "https://storage.googleapis.com/tensorflow/keras-applications/"


@hookimpl
def zoo_resolve_weights(source: str, weights: Any) -> Path | None:
    """Fetch a file of keras.applications into Keras' own folder, where Keras finds it too."""
    if not source.startswith(SCHEME):
        return None
    address = source.removeprefix(SCHEME)
    name = address.rpartition("/")[2]
    home = _home()
    path = home / "models" / name
    if path.is_file():
        return path
    if os.environ.get("ZOO_OFFLINE", "") not in ("", "0"):
        raise WeightsError(
            f"{STORAGE}{address} is not on this machine and ZOO_OFFLINE forbids the network",
            f"put the file with md5 {weights.md5} at {path}",
        )
    import keras

    try:
        # Its progress goes to stdout, which belongs to the result of a command.
        with contextlib.redirect_stdout(sys.stderr):
            keras.utils.get_file(
                name,
                STORAGE + address,
                cache_dir=str(home),
                cache_subdir="models",
                file_hash=weights.md5,
            )
    except Exception as error:  # get_file raises bare Exception for a failed transfer
        # It leaves a file with the wrong digest under the final name.
        path.unlink(missing_ok=True)
        reason = str(error).rpartition(" -- ")[2]
        raise WeightsError(
            f"{STORAGE}{address} cannot be downloaded: {reason}",
            f"or put the file with md5 {weights.md5} at {path}",
        ) from error
    return path


@hookimpl
def zoo_doctor_checks() -> list[tuple[str, bool, str]]:
    """Tell whether Keras can keep its weights; where it cannot, it silently turns to /tmp."""
    home = _home()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    advice = f"make {there} writable, or point KERAS_HOME at a folder of yours"
    return [("Keras' folder for weights can be written", os.access(there, os.W_OK), advice)]


def _home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
