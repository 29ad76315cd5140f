"""Pictures looked at one by one before anybody trains on them: what is wrong, what there is."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from zoo import output, remote
from zoo.engine import magic, picture, runtime, table
from zoo.engine.folder import ImageFolder
from zoo.engine.sample import Sample
from zoo.errors import DataError

Progress = Callable[[int, int], None]

COLUMNS = (*table.COLUMNS[:3], "width", "height", "format", "bytes", "sha256", *table.COLUMNS[3:])
"""The columns of a manifest, which `zoo train` reads as a table of pictures."""

AHEAD = 64
"""Pictures in flight at once, so that memory stays flat however many there are."""


@dataclass(frozen=True)
class Finding:
    """What one picture turned out to be.

    Args:
        sample: The picture.
        width: Pixels after its orientation is applied, 0 where it does not decode.
        height: The same.
        format: By content.
        sha256: Of the file.
        fault: Why it does not decode; empty where it does.
        mean: Of each channel, 0..255.
        square: Of each channel's squares.
    """

    sample: Sample
    width: int
    height: int
    format: str
    sha256: str
    fault: str
    mean: tuple[float, ...] = ()
    square: tuple[float, ...] = ()


def look(sample: Sample) -> Finding:
    """Read and fully decode one picture."""
    try:
        content = sample.path.read_bytes()
    except OSError as error:
        return Finding(sample, 0, 0, "", "", error.strerror or "cannot be read")
    digest = hashlib.sha256(content).hexdigest()
    kind = magic.kind(content[: magic.HEAD]) or ""
    try:
        pixels = picture.read(sample.path)
    except DataError as error:
        fault = error.message.removeprefix(f"{sample.path}: ")
        return Finding(sample, 0, 0, kind, digest, fault)
    flat = pixels.reshape(-1, 3).astype(np.float32)
    mean, square = flat.mean(0), (flat * flat).mean(0)
    height, width = pixels.shape[:2]
    return Finding(
        sample, width, height, kind, digest, "", tuple(mean.tolist()), tuple(square.tolist())
    )


def every(samples: Iterable[Sample], progress: Progress | None = None) -> Iterator[Finding]:
    """Look at pictures in parallel; findings come in the order of the samples."""
    samples = list(samples)
    waiting = iter(samples)
    with ThreadPoolExecutor(runtime.cores()) as threads:
        flying = [threads.submit(look, sample) for sample in islice(waiting, AHEAD)]
        done = 0
        while flying:
            found = flying.pop(0).result()
            flying += [threads.submit(look, sample) for sample in islice(waiting, 1)]
            done += 1
            if progress is not None:
                progress(done, len(samples))
            yield found


def check(
    folder: ImageFolder,
    manifest: Path | str | None = None,
    progress: Progress | None = None,
    findings: Iterable[Finding] | None = None,
) -> dict[str, Any]:
    """Decode every picture, and find copies of one in another split or under another label.

    Args:
        folder: What `folder.read` gave.
        manifest: A CSV to write, here or elsewhere, a row for each picture; None for none.
            `zoo train` reads it and leaves out what has not the verdict "ok". Of copies in two
            splits the one that is trained on is refused, so that the measured ones stay what they
            were.
        progress: Called with pictures done and pictures in all.
        findings: What `every` gives of the folder's samples, if somebody looked already.

    Returns:
        Pictures in all; by name those that are `unreadable` (why), `leaks` (a copy of which
        picture of another split), `conflicts` (a copy of which under another label) and
        `duplicates` (a copy of which of the same label and split).
    """
    findings = list(every(folder.samples, progress) if findings is None else findings)
    copies: dict[str, list[Sample]] = defaultdict(list)
    for finding in findings:
        if not finding.fault:
            copies[finding.sha256].append(finding.sample)
    verdicts = {}
    problems: dict[str, dict[str, str]] = {
        "unreadable": dict(folder.unreadable), "leaks": {}, "conflicts": {}, "duplicates": {},
    }  # fmt: skip
    for finding in findings:
        sample = finding.sample
        kind, told = _verdict(sample, finding.fault, copies[finding.sha256])
        if kind:
            problems[kind][sample.id] = told
        refused = kind in ("unreadable", "conflicts") or (kind == "leaks" and _trained(sample))
        verdicts[sample.id] = f"{kind}: {told}" if refused else table.OK
    if manifest is not None:
        _write(manifest, folder, findings, verdicts)
    return {"pictures": len(folder.samples) + len(folder.unreadable), **problems}


def stats(folder: ImageFolder, progress: Progress | None = None) -> dict[str, Any]:
    """Tell what a set of pictures is made of.

    Args:
        folder: What `folder.read` gave.
        progress: Called with pictures done and pictures in all.

    Returns:
        Pictures by split and by class, formats, sizes (smallest, median and largest of width,
        height and bytes), mean and standard deviation of each channel over all training pixels,
        each picture weighing the same, and how many did not decode.
    """
    widths, heights, formats = [], [], Counter[str]()
    mean, square, count, faults = np.zeros(3), np.zeros(3), 0, 0
    for finding in every(folder.samples, progress):
        if finding.fault:
            faults += 1
            continue
        widths.append(finding.width)
        heights.append(finding.height)
        formats[finding.format] += 1
        if _trained(finding.sample):
            mean += finding.mean
            square += finding.square
            count += 1
    if not widths:
        raise DataError(f"{folder.root}: none of the pictures can be decoded")
    mean, square = mean / max(count, 1), square / max(count, 1)
    by_class = {
        name: {
            split: sum(s.label == label and s.split == split for s in folder.samples)
            for split in folder.counts
        }
        for label, name in enumerate(folder.classes)
    }
    return {
        "root": str(folder.root),
        "pictures": folder.counts,
        "classes": by_class,
        "formats": dict(formats.most_common()),
        "width": _spread(widths),
        "height": _spread(heights),
        "bytes": _spread([sample.size for sample in folder.samples]),
        "mean": [round(float(value), 2) for value in mean],
        "std": [round(float(value), 2) for value in np.sqrt(np.maximum(square - mean**2, 0))],
        "unreadable": faults + len(folder.unreadable),
    }


def _verdict(sample: Sample, fault: str, copies: list[Sample]) -> tuple[str, str]:
    """What is wrong with a picture: kind and reason, both empty where nothing is."""
    if fault:
        return "unreadable", fault
    others = [each for each in copies if each.id != sample.id]
    for each in others:
        if each.label != sample.label:
            return "conflicts", each.id
    for each in others:
        if each.split != sample.split:
            return "leaks", each.id
    # Of copies in one place the first is the original.
    return ("duplicates", copies[0].id) if others and copies[0] is not sample else ("", "")


def _trained(sample: Sample) -> bool:
    return sample.split == "train"


def _spread(values: list[int]) -> list[int]:
    return [min(values), int(np.median(values)), max(values)]


def _write(
    name: Path | str, folder: ImageFolder, findings: list[Finding], verdicts: dict[str, str]
) -> None:
    """Write the manifest; its paths are relative to its folder where both are on this machine."""

    def place(sample: Sample) -> str:
        if sample.away or remote.is_one(name):
            return sample.place
        return Path(os.path.relpath(sample.place, Path(name).absolute().parent)).as_posix()

    with output.written(name) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for each in findings:
            sample = each.sample
            writer.writerow(
                (
                    place(sample), folder.classes[sample.label], sample.split,
                    each.width, each.height, each.format, sample.size, each.sha256,
                    verdicts[sample.id],
                )
            )  # fmt: skip
