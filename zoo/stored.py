"""A model on disk, looked into without Keras: whether it is one, its classes, taps and layers."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo import suggest
from zoo.errors import ExplainError, ModelError, RunError

MEMBER = "zoo.json"
"""The member of a `.keras` file that holds what zoo knows of the model."""

FORMAT = 1
MAX_MEMBER = 16 << 20
"""Bytes of a member that are read; twenty thousand class names take one or two million."""

MODEL = "model.keras"
"""The model's file in a run folder."""

UNFINISHED = ".unfinished"
"""What the name of a run's folder ends in until all is there."""


def is_path(target: str) -> bool:
    """Whether a word on the command line means a run or a file, and not the name of a model."""
    return Path(target).exists() or (
        "+" not in target and ("/" in target or "\\" in target or target.endswith(".keras"))
    )


def locate(target: str | Path) -> Path:
    """Find the model's file, and see that it is one.

    Args:
        target: The folder of a run, or a file written by zoo or by Keras 3.

    Returns:
        The `.keras` file.

    Raises:
        RunError: There is no model.
        ModelError: The file is of another kind.
    """
    path = _file(Path(target))
    _refuse_other_formats(path)
    return path


def refuse_unfinished(path: Path) -> None:
    """See that a run's folder is not one that is still being filled.

    Raises:
        RunError: It is, or in its place there is one.
    """
    whole = path.with_name(path.name.removesuffix(UNFINISHED))
    partial = whole.with_name(whole.name + UNFINISHED)
    if path == partial or (not path.exists() and partial.exists()):
        raise RunError(
            f"the run {whole.name} did not finish: {partial} holds what it reached",
            f"zoo train --resume {shlex.quote(str(whole))} goes on with it",
        )


def facts(path: Path) -> dict[str, Any] | None:
    """What zoo wrote into a model's file: its anatomy as plain data; None for a foreign model.

    Raises:
        ModelError: It is damaged, or of a newer format.
    """
    with zipfile.ZipFile(path) as archive:
        try:
            member = archive.getinfo(MEMBER)
        except KeyError:
            return None
        if member.file_size > MAX_MEMBER:
            raise ModelError(f"{path}: {MEMBER} holds {member.file_size} bytes, which is too much")
        try:
            document: dict[str, Any] = json.loads(archive.read(MEMBER))
            version = document.pop("format")
            document.pop("zoo")
        except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: {MEMBER} is damaged") from error
    if version != FORMAT:
        raise ModelError(
            f"{path}: {MEMBER} has format {version!r}, this zoo reads {FORMAT}",
            "upgrade keras-zoo",
        )
    return document


def layers(path: Path) -> list[str]:
    """Names of a model's layers; empty where its configuration cannot be read."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > MAX_MEMBER:
            return []
        try:
            rows = json.loads(archive.read("config.json"))["config"]["layers"]
            return [row["config"]["name"] for row in rows]
        except (ValueError, KeyError, TypeError):
            return []


def layer_packages(path: Path) -> set[str]:
    """Packages of the registered classes that a model is made of, Keras' own left out.

    Empty where the configuration cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        try:
            if archive.getinfo("config.json").file_size > MAX_MEMBER:
                return set()
            config = archive.read("config.json").decode()
        except (UnicodeDecodeError, zipfile.BadZipFile):
            return set()
    return set(re.findall(r'"registered_name": "([^">]+)>', config))


def check_class(name: str, classes: Sequence[str]) -> None:
    """See that a class exists.

    Raises:
        ExplainError: It does not; the message suggests what is near.
    """
    if name not in classes:
        near = suggest.near(name, classes)
        few = ", ".join(classes[:8]) + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")
        hint = f"did you mean {', '.join(near)}?" if near else f"classes: {few}"
        raise ExplainError(f"the model has no class {name!r}", hint)


def _file(target: Path) -> Path:
    if target.is_dir():
        path = target / MODEL
        if not path.is_file():
            raise RunError(
                f"{target} is no finished run: it holds no {MODEL}",
                "give the folder of a run, or a .keras file",
            )
        return path
    if not target.is_file():
        refuse_unfinished(target)
        raise RunError(f"{target} does not exist", "give the folder of a run, or a .keras file")
    return target


def _refuse_other_formats(path: Path) -> None:
    """Told by content: a wrong suffix neither helps nor harms."""
    with path.open("rb") as file:
        start = file.read(8)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if "config.json" in names:
            return
        torch = any(name.endswith("data.pkl") for name in names)
        kind = "a PyTorch file" if torch else "a zip without a model"
    elif start == b"\x89HDF\r\n\x1a\n":
        kind = "an HDF5 file, whose loader runs code that it finds inside"
    elif start[:1] == b"\x80" or path.suffix in (".pkl", ".pickle", ".pth", ".pt"):
        kind = "a pickle, which runs code when it is opened"
    else:
        kind = "no zip"
    raise ModelError(
        f"{path} is {kind}; zoo opens .keras files only",
        "open it where it was made, and save it with model.save('model.keras')",
    )
