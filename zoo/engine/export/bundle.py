"""The folder of an exported model: names of its files, their checksums, whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import ExportError, ParityFailure, ZooError

MODEL = "model.onnx"
FACTS = "zoo.json"
LABELS = "labels.txt"
PARITY = "parity.json"
GOLDEN = "golden.npz"
SUMS = "SHA256SUMS"

FAILED = ".failed.onnx"


def check(out: str | Path) -> Path:
    """Refuse a folder that is in use or cannot be made, before any work is done.

    Args:
        out: Folder of the export to be.

    Raises:
        ExportError: If it is.
    """
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = "an exported model" if (out / FACTS).is_file() else "something"
        raise ExportError(f"{out} already holds {what}", "choose another --out, or remove it")
    parent = next(folder for folder in out.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ExportError(f"{out} cannot be made: {parent} is no folder one can write to")
    return out


@contextmanager
def fill(out: Path) -> Iterator[Path]:
    """Fill a folder that bears its name only when all of it is there.

    After an error nothing is left but the model, if it had been written, under a name that says
    what it is: `<out>.failed.onnx`.

    Args:
        out: The folder to be, checked.

    Yields:
        The folder to fill; its checksums are written at the end.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    failed = out.with_name(out.name + FAILED)
    failed.unlink(missing_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".unfinished", dir=out.parent))
    try:
        yield folder
        write_sums(folder)
        # mkdtemp keeps others out; what is deployed is read by others.
        folder.chmod(0o777 & ~_umask())
        folder.replace(out)
    except Exception as error:
        if (folder / MODEL).exists():
            (folder / MODEL).replace(failed)
            if isinstance(error, ZooError):
                kept = f"the file is kept as {failed}"
                error.hint = f"{error.hint}; {kept}" if error.hint else kept
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, facts: dict[str, Any]) -> None:
    """Write plain data, readable by people too."""
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_sums(folder: Path) -> None:
    """Write the checksums of everything in a folder, as `sha256sum -c` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path) -> dict[str, str]:
    """Compare every file with its checksum.

    Args:
        folder: An exported model's folder.

    Returns:
        Checksums by file name.

    Raises:
        ExportError: If the folder is no exported model's.
        ParityFailure: If a file is missing or was changed.
    """
    if not (folder / SUMS).is_file():
        raise ExportError(
            f"{folder} is no exported model: it holds no {SUMS}", "give the --out of zoo export"
        )
    sums = {}
    for number, line in enumerate((folder / SUMS).read_text(encoding="utf-8").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or ".." in Path(name).parts or Path(name).is_absolute():
            raise ParityFailure(f"{folder / SUMS}: line {number} cannot be read", "export again")
        sums[name] = digest
    missing = [name for name in (MODEL, FACTS, GOLDEN) if name not in sums]
    missing += [name for name in sums if not (folder / name).is_file()]
    if missing:
        raise ParityFailure(f"{folder} lacks {', '.join(missing)}", "export again")
    changed = [name for name, digest in sums.items() if sha256(folder / name) != digest]
    if changed:
        raise ParityFailure(
            f"{folder}: changed since the export: {', '.join(changed)}", "export again"
        )
    return sums


def link(source: Path, target: Path) -> None:
    """Give a file a second name, which takes no room; where that cannot be, a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sha256(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
