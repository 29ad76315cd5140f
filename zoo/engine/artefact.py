"""A model on disk: a `.keras` file that Keras alone can load, with zoo's anatomy inside."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras

from zoo import __version__
from zoo.engine.anatomy import Anatomy, of
from zoo.errors import ModelError, RunError

MEMBER = "zoo.json"
FORMAT = 1
MAX_MEMBER = 16 << 20
"""Bytes of `zoo.json` that are read; twenty thousand class names take one or two million."""

MODEL = "model.keras"
"""The model's file in a run folder."""


def save(model: keras.Model, path: str | Path) -> Path:
    """Write a model and its anatomy to one `.keras` file, beside and renamed.

    Args:
        model: The model.
        path: Where to, ending in `.keras`. A file that is there is replaced.

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
    document = {"format": FORMAT, "zoo": __version__, **of(model).document()}
    beside = path.with_name(f".{path.stem}.unfinished.keras")
    try:
        keras.saving.save_model(model, beside)
        with zipfile.ZipFile(beside, "a") as archive:
            archive.writestr(MEMBER, json.dumps(document))
        beside.replace(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return path


def load(target: str | Path) -> keras.Model:
    """Load a model from a run folder or a `.keras` file.

    Args:
        target: The folder of a run, or a file written by zoo or by Keras 3.

    Returns:
        The model, not compiled, with its anatomy. Of a file without one, the anatomy is what can
        be seen from outside.

    Raises:
        RunError: There is no model.
        ModelError: The file is of another kind, damaged, or holds code.
    """
    path = _locate(Path(target))
    _refuse_other_formats(path)
    facts = _read_member(path)
    try:
        # safe_mode stays on: a file may hold layers, never functions.
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its parsers raise
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"{path} cannot be loaded: {reason}") from error
    if facts is not None:
        model.zoo_anatomy = Anatomy.read(facts)
    return model


def _locate(target: Path) -> Path:
    if target.is_dir():
        path = target / MODEL
        if not path.is_file():
            raise RunError(
                f"{target} is no finished run: it holds no {MODEL}",
                "give the folder of a run, or a .keras file",
            )
        return path
    if not target.is_file():
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
        kind = "a PyTorch file" if any(name.endswith("data.pkl") for name in names) else "a zip"
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


def _read_member(path: Path) -> dict[str, object] | None:
    with zipfile.ZipFile(path) as archive:
        try:
            member = archive.getinfo(MEMBER)
        except KeyError:
            return None
        if member.file_size > MAX_MEMBER:
            raise ModelError(f"{path}: {MEMBER} holds {member.file_size} bytes, which is too much")
        try:
            document = json.loads(archive.read(MEMBER))
            version = document.pop("format")
            document.pop("zoo")
        except (ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: {MEMBER} is damaged") from error
    if version != FORMAT:
        raise ModelError(
            f"{path}: {MEMBER} has format {version!r}, this zoo reads {FORMAT}",
            "upgrade keras-zoo",
        )
    return document
