"""Pictures listed in a CSV: path, label and, if one likes, split and verdict."""

from __future__ import annotations

import csv
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.engine import remote
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
    path: Path,
    unreadable: dict[str, str],
    notes: list[str],
    root: str | None = None,
    elsewhere: bool = False,
) -> tuple[tuple[str, ...], list[Sample]]:
    """Read a CSV of pictures.

    Args:
        path: The file. Its first row names the columns: path, label, and if one likes split and
            verdict. Paths are relative to the file's folder or absolute. A picture whose split is
            empty belongs to train; one whose verdict is not "ok" is left out.
        unreadable: Gets the reason, by name, of a picture that is missing or none.
        notes: Gets what was decided.
        root: What paths are relative to, if the file is a copy of one elsewhere.
        elsewhere: Whether pictures may be elsewhere, as s3://bucket/name; nobody looks at those.

    Returns:
        The classes, sorted by name, and the samples.

    Raises:
        DataError: If a column or a value is missing or unknown; names the line.
    """
    rows = _rows(path)
    refused = [row for row in rows if row["verdict"] not in ("", OK)]
    if refused:
        notes.append(f"left out by their verdict: {len(refused)} of {len(rows)} pictures")
    kept = [row for row in rows if row["verdict"] in ("", OK)]
    classes = tuple(sorted({row["label"] for row in kept}))
    numbers = {name: number for number, name in enumerate(classes)}
    samples: list[Sample] = []
    others: list[str] = []
    for row in kept:
        label, split = numbers[row["label"]], SPLITS[row["split"].lower() or "train"]
        if root is not None and not remote.is_one(row["path"]):
            row["path"] = f"{root}/{row['path']}"
        if remote.is_one(row["path"]):
            if not elsewhere:
                raise DataError(
                    f"{path} lists pictures that are elsewhere: {row['path']}",
                    hint="zoo predict, evaluate and data check read them, with --workers N",
                )
            size = int(row["bytes"]) if row.get("bytes", "").isdecimal() else 0
            samples.append(Sample(row["path"], Path(row["path"]), label, split, size))
            continue
        file = path.parent / row["path"]
        sample = look(file, Path(row["path"]).as_posix(), label, split, unreadable, others)
        if sample is not None:
            samples.append(sample)
    # A file that somebody lists as a picture should be one, whatever it is called.
    unreadable.update(dict.fromkeys(others, "no picture inside"))
    return classes, samples


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
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


def _check_columns(path: Path, names: list[str]) -> None:
    for wanted in COLUMNS[:2]:
        if wanted not in names:
            near = difflib.get_close_matches(wanted, names, n=1)
            meant = f"; is {near[0]} meant?" if near else ""
            raise DataError(
                f"{path} has no column {wanted!r}, it has {', '.join(names) or 'none'}{meant}",
                hint="the first line names the columns: path,label,split",
            )


def _check_row(path: Path, line: int, row: Mapping[str, str]) -> None:
    for name in COLUMNS[:2]:
        if not row[name]:
            raise DataError(f"{path}, line {line}: the {name} is empty")
    if row["split"] and row["split"].lower() not in SPLITS:
        near = difflib.get_close_matches(row["split"], SPLITS, n=1)
        advice = f"did you mean {near[0]}?" if near else f"accepted: {', '.join(SPLITS)}"
        raise DataError(f"{path}, line {line}: split {row['split']!r} is unknown; {advice}")
