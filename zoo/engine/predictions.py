"""What a model said of every picture, as a CSV or Parquet file that is written as it comes."""

from __future__ import annotations

import csv
import itertools
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import output
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Write = Callable[[Sequence[Sequence[object]]], None]

COLUMNS = {"path": str, "label": str, "predicted": str, "probability": float, "loss": float}
FORMATS = (".csv", ".parquet")
DIGITS = 6


def check(name: str | Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        DataError: Its name ends in neither of `FORMATS`, its folder does not exist, or pyarrow is
            missing.
    """
    suffix = Path(name).suffix
    if suffix not in FORMATS:
        raise DataError(f"{name} is no table", f"let it end in {' or '.join(FORMATS)}")
    output.check(name)
    if suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise DataError(
                "Parquet needs pyarrow", "pip install keras-zoo[parquet], or write a .csv"
            ) from None


@contextmanager
def table(name: str | Path | None) -> Iterator[Write]:
    """Open a table that is there once it is whole.

    Args:
        name: A .csv or .parquet file, here or elsewhere; without one the rows are dropped.

    Yields:
        A function that writes rows of `COLUMNS`.

    Raises:
        DataError: As `check`.
    """
    if name is None:
        yield lambda rows: None
        return
    check(name)
    opened = _parquet if Path(name).suffix == ".parquet" else _csv
    with output.written(name) as path, opened(path) as write:
        yield write


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV that `table` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def copy(source: Path, path: str | Path, batch: int = 10_000) -> None:
    """Write a CSV of answers again, in the format that a file's suffix says."""
    with source.open(newline="", encoding="utf-8") as file, table(path) as write:
        rows = csv.DictReader(file)
        while part := list(itertools.islice(rows, batch)):
            write([[kind(row[name]) for name, kind in COLUMNS.items()] for row in part])


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)

        def write(rows: Sequence[Sequence[object]]) -> None:
            for row in rows:
                writer.writerow(
                    f"{cell:.{DIGITS}f}" if isinstance(cell, float) else cell for cell in row
                )

        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow
    from pyarrow import parquet

    kinds = {str: pyarrow.string(), float: pyarrow.float32()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with parquet.ParquetWriter(path, schema) as writer:

        def write(rows: Sequence[Sequence[object]]) -> None:
            cells = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
            arrays = [
                pyarrow.array(each, kind) for each, kind in zip(cells, schema.types, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))

        yield write
