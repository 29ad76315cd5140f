"""`zoo predict`: what is on pictures."""

from __future__ import annotations

import csv
import filecmp
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from zoo import exported, output, remote, stored
from zoo import policy as policies
from zoo.cli import device as devices
from zoo.cli import show, workers
from zoo.cli.command import Command, load_registry
from zoo.cli.location import Location
from zoo.errors import DataError


@click.command("predict", cls=Command)
@click.argument("model", metavar="RUN|FILE.keras|EXPORT|FILE.onnx")
@click.argument("pictures", nargs=-1, required=True, metavar="IMAGE|FOLDER...")
@click.option(
    "--top", type=click.IntRange(1), default=3, show_default=True, help="Classes to name."
)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option(
    "--csv", "table", type=Location(), metavar="FILE", help="Write the answers: FILE.csv."
)
@click.option(
    "--values",
    type=click.Choice(["0..255", "0..1", "-1..1", "imagenet"]),
    help="What a FILE.onnx from elsewhere takes, if it takes floats and does not say.",
)
@click.option(
    "--tta",
    metavar="POLICY:n=N",
    help="Average over N views, the picture and augmentations of it: flip:n=8.",
)
@workers.options
@devices.options
def command(
    model: str,
    pictures: tuple[str, ...],
    top: int,
    batch_size: int,
    table: Path | str | None,
    values: str | None,
    tta: str | None,
    device: str | None,
    verbose: bool,
    **shared: Any,
) -> None:
    """Name what is on pictures. Those that cannot be read are named, and the others answered."""
    onnx = exported.is_one(model)
    workers.check(shared, table, "--csv FILE")
    if onnx and shared["workers"]:
        raise DataError("--workers is for a run or a .keras file", "give the run it was made of")
    if tta is not None:
        if onnx:
            raise DataError("--tta is for a run or a .keras file", "give the run it was made of")
        name, _ = policies.views(tta)
        policies.transforms(name, load_registry())
    if onnx:
        exported.locate(model)
    else:
        stored.locate(model)
        if values is not None:
            raise DataError("--values is for a FILE.onnx", "leave it out")
    if table is not None:
        _check_free(table, resume=shared["resume"])
    if shared["workers"]:
        from zoo.engine.sharded import run
        from zoo.engine.sharded.tasks import predict as task

        listed = task.find(pictures)
        asked = {"batch_size": batch_size, "top": top, "tta": tta, "device": device}
        work = task.work(stored.locate(model), listed, **asked)
        with workers.crew("predicting", **shared) as crew, run.merged(work, crew, table) as given:
            _answer(given, len(listed), table)
        return
    from zoo.engine import picture

    found = picture.find(pictures)
    if onnx:
        from zoo.engine.export import answer

        classifier = answer.Classifier(model, values)
        given = answer.records(classifier, found, batch_size=batch_size, top=top)
    else:
        from zoo.engine import runtime

        show.note(f"device: {runtime.start(device, verbose)}")
        from zoo.engine import predict

        given = predict.records(model, found, batch_size=batch_size, top=top, tta=tta)
    _answer(given, len(found), table)


def _answer(given: Iterable[dict[str, Any]], total: int, table: Path | str | None) -> None:
    """Write records, or print them."""
    records = _told(given, total)
    if table is not None:
        count = _write(table, records)
        show.document({"csv": str(table), "pictures": count}, show.pairs)
    else:
        show.document(list(records), _render)


def _told(records: Iterable[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    """Pass records on, tell of each unreadable picture, and fail if there was no other."""
    read, reason = 0, ""
    with show.progress("predicting") as progress:
        for done, record in enumerate(records, start=1):
            if "error" in record:
                reason = f"{record['path']}: {record['error']}"
                show.note(f"unreadable: {reason}")
            else:
                read += 1
            yield record
            progress(done, total)
    if not read:
        raise DataError(f"none of the pictures can be read; the last is {reason}")


def _write(name: Path | str, records: Iterable[dict[str, Any]]) -> int:
    """Write records as they come to a table that is there once it is whole; give their number.

    Raises:
        DataError: There is another table by now.
    """
    count = 0
    with output.written(name) as path:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("path", "class", "probability", "error"))
            for record in records:
                count += 1
                chance = f"{record['probability']:.6f}" if "class" in record else ""
                rows.writerow((record["path"], record.get("class"), chance, record.get("error")))
        if remote.exists(name):
            with remote.fetched(name) as there:
                if not filecmp.cmp(path, there, shallow=False):
                    raise DataError(
                        f"{name} exists, and is not what this job makes", "move it away first"
                    )
    return count


def _check_free(table: Path | str, resume: bool) -> None:
    output.check(table)
    # Whoever was killed between the last two steps left the table and its parts.
    if remote.exists(table) and not (resume and remote.exists(f"{table}.parts")):
        raise DataError(f"{table} exists", "choose another name, or delete it first")


def _render(records: list[dict[str, Any]]) -> str:
    rows = []
    for record in records:
        if "error" in record:
            continue
        answers = [f"{each['class']} {100 * each['probability']:.1f} %" for each in record["top"]]
        rows.append((record["path"], answers[0], ", ".join(answers[1:])))
    return show.table(rows, ("picture", "class", "then"))
