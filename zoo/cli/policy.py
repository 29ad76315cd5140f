"""The transforms of a policy as a table: one a line, what hangs on a choice below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.cli import show

MOST = 4
"""Numbers of a choice that are shown."""


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw the rows of `zoo.transform.document`."""
    lines = list(_lines(rows, ""))
    return show.table(lines, ("transform", "range")) if lines else "no transforms"


def _lines(rows: Sequence[Any], indent: str) -> Iterator[tuple[str, str]]:
    for row in rows:
        if not isinstance(row, Mapping):
            yield indent + ("these" if row else "nothing"), ""
            yield from _lines(row, indent + "  ")
            continue
        inner = {key: row[key] for key in ("transforms", "chains") if key in row}
        plain = {key: each for key, each in row.items() if key not in {"transform", *inner}}
        values = [f"{key} {_value(each)}" for key, each in plain.items()]
        values += [f"{len(each)} {key}" for key, each in inner.items()]
        yield indent + row["transform"], ", ".join(values)
        for each in inner.values():
            yield from _lines(each, indent + "  ")


def _value(given: Any) -> str:
    if isinstance(given, Mapping):
        numbers = [f"{each:g}" for each in dict.fromkeys(given["choice"])]
        more = f", ... ({len(numbers)} numbers)" if len(numbers) > MOST else ""
        return f"one of {', '.join(numbers[:MOST])}{more}"
    if isinstance(given, (list, tuple)):
        numbers = [f"{each:g}" for each in given]
        return f"{' to '.join(numbers)}" if len(numbers) == 2 else ", ".join(numbers)
    return str(given)
