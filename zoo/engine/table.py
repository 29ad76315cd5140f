"""Pictures listed in a CSV: path, label and, if one likes, split and verdict."""

from __future__ import annotations

import csv
import difflib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import remote
from zoo.engine.sample import Sample, look
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Names of splits, of folders and in tables, and the split each one is."""

COLUMNS = ("path", "label", "split", "verdict")
OK = "ok"
"""What `zoo data check` says of a picture that may be trained on."""


def read(
    name: Path | str, unreadable: dict[str, str], notes: list[str], elsewhere: bool = False
) -> tuple[tuple[str, ...], list[Sample]]:
    """Read a CSV of pictures.

    Args:
        name: The file, here or elsewhere. Its first row names the columns: path, label, and if one
            likes split and verdict. Paths are relative to the file's folder or absolute. A picture
            whose split is empty belongs to train; one whose verdict is not "ok" is left out.
        unreadable: Gets the reason, by name, of a picture that is missing or none.
        notes: Gets what was decided.
        elsewhere: Whether pictures may be elsewhere, as s3://bucket/name. Nobody looks inside
            those; their sizes are asked for where no column `bytes` tells them.

    Returns:
        The classes, sorted by name, and the samples.

    Raises:
        DataError: If a column or a value is missing or unknown; names the line.
    """
    with remote.fetched(name) as file:
        rows = _rows(file, name)
    refused = [row for row in rows if row["verdict"] not in ("", OK)]
    if refused:
        notes.append(f"left out by their verdict: {len(refused)} of {len(rows)} pictures")
    kept = [row for row in rows if row["verdict"] in ("", OK)]
    classes = tuple(sorted({row["label"] for row in kept}))
    numbers = {label: number for number, label in enumerate(classes)}
    folder = remote.parent(str(name)) if remote.is_one(name) else None
    places = ((row["path"], _elsewhere(row["path"], folder)) for row in kept)
    away = {path: there for path, there in places if there is not None}
    if away and not elsewhere:
        raise DataError(
            f"{name} lists pictures that are elsewhere: {next(iter(away.values()))}",
            hint=remote.READERS,
        )
    sizes = _sizes(kept, away)
    samples: list[Sample] = []
    others: list[str] = []
    for row in kept:
        label, split = numbers[row["label"]], SPLITS[row["split"].lower() or "train"]
        path = remote.local(row["path"])
        sample: Sample | None
        if (there := away.get(row["path"])) is None:
            file = Path(name).parent / path
            sample = look(file, path.as_posix(), label, split, unreadable, others)
        elif (size := sizes[there]) is None:
            unreadable[row["path"]], sample = os.strerror(errno.ENOENT), None
        else:
            sample = Sample(row["path"], path, label, split, size, there)
        if sample is not None:
            samples.append(sample)
    # A file that somebody lists as a picture should be one, whatever it is called.
    unreadable.update(dict.fromkeys(others, "no picture inside"))
    return classes, samples


def _elsewhere(path: str, folder: str | None) -> str | None:
    """The full name of a picture that a CSV lists; None of one that is on this machine.

    Args:
        path: As it is listed.
        folder: What the CSV lies in, if that is elsewhere.
    """
    if remote.is_one(path):
        return path
    if folder is None or remote.local(path).is_absolute():
        return None
    return remote.join(folder, path)


def _sizes(rows: list[dict[str, str]], away: dict[str, str]) -> dict[str, int | None]:
    """Bytes of pictures that are elsewhere, by full name; None of one that is missing."""
    told = {
        away[row["path"]]: int(row["bytes"])
        for row in rows
        if row["path"] in away and row.get("bytes", "").isdecimal()
    }
    untold = [there for there in away.values() if there not in told]
    return told | dict(zip(untold, remote.sizes(untold), strict=True))


def _rows(file: Path, path: Path | str) -> list[dict[str, str]]:
    """The rows of a file that the user calls by another name."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, restval="")
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            _check_columns(path, names)
            reader.fieldnames = names
            rows = [{name: (row[name] or "").strip() for name in names} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV in UTF-8: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    seen: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        row.setdefault("split", "")
        row.setdefault("verdict", "")
        _check_row(path, line, row)
        if row["path"] in seen:
            first = seen[row["path"]]
            raise DataError(f"{path}, line {line}: {row['path']} stands in line {first} already")
        seen[row["path"]] = line
    return rows


def _check_columns(path: Path | str, names: list[str]) -> None:
    for wanted in COLUMNS[:2]:
        if wanted not in names:
            near = difflib.get_close_matches(wanted, names, n=1)
            meant = f"; is {near[0]} meant?" if near else ""
            raise DataError(
                f"{path} has no column {wanted!r}, it has {', '.join(names) or 'none'}{meant}",
                hint="the first line names the columns: path,label,split",
            )


def _check_row(path: Path | str, line: int, row: Mapping[str, str]) -> None:
    for name in COLUMNS[:2]:
        if not row[name]:
            raise DataError(f"{path}, line {line}: the {name} is empty")
    if row["split"] and row["split"].lower() not in SPLITS:
        near = difflib.get_close_matches(row["split"], SPLITS, n=1)
        advice = f"did you mean {near[0]}?" if near else f"accepted: {', '.join(SPLITS)}"
        raise DataError(f"{path}, line {line}: split {row['split']!r} is unknown; {advice}")
