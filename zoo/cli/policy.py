"""The transforms of a policy as a table: one a line, what hangs on a choice below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from zoo import transform
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
        mirrored = _mirrored(row["transform"])
        values = [f"{key} {_value(each, key in mirrored)}" for key, each in plain.items()]
        values += [f"{len(each)} {key}" for key, each in inner.items()]
        yield indent + row["transform"], ", ".join(values)
        for each in inner.values():
            yield from _lines(each, indent + "  ")


def _mirrored(name: str) -> set[str]:
    """Fields whose number stands for itself and its negative."""
    (kind,) = (each for each in transform.TRANSFORMS if each.name() == name)
    limits = {each.name: each.metadata.get("limits") for each in fields(kind)}
    return {name for name, each in limits.items() if each is not None and each.both_ways}


def _value(given: Any, mirrored: bool) -> str:
    if isinstance(given, Mapping):
        numbers = [f"{each:g}" for each in dict.fromkeys(given["choice"])]
        more = f", ... ({len(numbers)} numbers)" if len(numbers) > MOST else ""
        return f"one of {', '.join(numbers[:MOST])}{more}"
    if isinstance(given, (list, tuple)):
        numbers = [f"{each:g}" for each in given]
        return f"{' to '.join(numbers)}" if len(numbers) == 2 else ", ".join(numbers)
    if isinstance(given, float | int) and not isinstance(given, bool):
        return f"{-given:g} to {given:g}" if mirrored and given else f"{given:g}"
    return str(given)
