"""A result as a table: only the columns that tell rows apart, then the figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from zoo.benchmark.document import Document, Row, Spread

VARYING = {
    "mode": "mode",
    "backend": "backend",
    "precision": "precision",
    "jit_compile": "XLA",
    "threads": "threads",
    "source": "source",
    "policy": "policy",
    "input_size": "size",
    "model": "model",
}
"""Fields of a case that get a column where they differ, and its title."""


def cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of a table for people.

    Args:
        rows: The rows; those without a measurement show why.
    """
    named = len({row.name for row in rows}) > 1
    varying = [key for key in VARYING if len({getattr(row.case, key) for row in rows}) > 1]
    shares = any(row.share_of_peak for row in rows)
    flops = any(row.gflops_per_second for row in rows)
    several = any(row.runs for row in rows)
    batches = any(row.case.subject not in ("export", "startup") for row in rows)
    unit = rows[0].case.unit if rows else "images"
    header = [
        *(["model" if rows[0].case.subject == "model" else rows[0].case.subject] * named),
        *(VARYING[key] for key in varying),
        *(["batch"] * batches),
        f"{unit}/s", "ms", "± MAD", "p90", "p95", "p99",
        *(["GFLOP/s"] * flops),
        *(["of peak"] * shares),
        *(["runs ±"] * several),
        "steps",
    ]  # fmt: skip
    lines = []
    for row in rows:
        start = [
            *([row.name] * named),
            *(_word(getattr(row.case, key)) for key in varying),
            *([str(row.case.batch_size)] * batches),
        ]
        figures = _figures(row, flops, shares, several) if row.step_seconds else []
        padding = len(header) - len(start) - len(figures)
        lines.append([*start, *figures, *([""] * padding)])
    return header, lines


def right(header: Sequence[str]) -> list[int]:
    """Indices of the columns that hold numbers."""
    words = {"model", "augment", "explain", "data", "export", "startup", *VARYING.values()}
    return [index for index, title in enumerate(header) if title not in words]


def _figures(row: Row, flops: bool, shares: bool, several: bool) -> list[str]:
    spread = row.step_seconds
    assert spread is not None
    figures = [f"{row.images_per_second:,.{2 if (row.images_per_second or 0) < 10 else 1}f}"]
    figures += [milliseconds(spread, key) for key in ("p50", "mad", "p90", "p95", "p99")]
    if flops:
        figures.append(f"{row.gflops_per_second:,.1f}" if row.gflops_per_second else "")
    if shares:
        figures.append(f"{row.share_of_peak:.0%}" if row.share_of_peak else "")
    if several:
        from zoo.benchmark.verdict import run_spread

        figures.append(f"{run_spread(row.runs):.1%}" if row.runs else "")
    return [*figures, str(spread.n)]


def milliseconds(spread: Spread, key: str) -> str:
    """One figure of a spread in milliseconds; empty where there is none."""
    seconds = getattr(spread, key)
    return "" if seconds is None else f"{1000 * seconds:.2f}"


def _word(value: object) -> str:
    return {True: "on", False: "off", None: "–"}.get(value, str(value))  # type: ignore[call-overload,no-any-return]


def remarks(rows: Sequence[Row]) -> list[str]:
    """What stands below the table: rows that failed, flags, bottlenecks."""
    several = len(rows) > 1
    found = []
    for row in rows:
        who = f"{label(row, rows)}: " if several else ""
        if row.error:
            found.append(f"{who}{row.error}")
        found += [f"{who}{flag}" for flag in row.flags]
        if row.input:
            found.append(f"{who}{_bottleneck(row)}")
    return found


def label(row: Row, rows: Sequence[Row]) -> str:
    """What tells a row from the others, in words."""
    words = configuration(row, rows)
    if len({each.case.batch_size for each in rows}) > 1 or not words:
        words.append(f"batch {row.case.batch_size}")
    return ", ".join(words)


def configuration(row: Row, rows: Sequence[Row]) -> list[str]:
    """What tells a row from the others, but for its batch."""
    words = [row.name] if len({each.name for each in rows}) > 1 else []
    for key in VARYING:
        if len({getattr(each.case, key) for each in rows}) > 1:
            word = _word(getattr(row.case, key))
            words.append(f"XLA {word}" if key == "jit_compile" else word)
    return words


def _bottleneck(row: Row) -> str:
    told = row.input
    assert told is not None
    figures = (
        f"the source alone gives {told.images_per_second:,.1f} images/s, the model alone takes "
        f"{told.model_images_per_second:,.1f}"
    )
    limit = {
        "input": "the input limits it",
        "model": "the model limits it",
        "both": "the two compete for the same cores",
    }[told.bottleneck]
    return f"{limit}: {figures}"


def markdown(document: Document) -> str:
    """The table and its remarks for a page."""
    header, lines = cells(document.rows)
    aligned = right(header)
    rule = ["--:" if index in aligned else "---" for index in range(len(header))]
    table = [f"| {' | '.join(line)} |" for line in (header, rule, *lines)]
    notes = [f"- {remark}" for remark in remarks(document.rows)]
    return "\n".join([*table, "", *notes, *([""] * bool(notes)), f"_{machine(document)}_", ""])


def comma_separated(document: Document) -> str:
    """Every row flat, for a spreadsheet: the case, then the figures in seconds and bytes."""
    rows = [_flat(row) for row in document.rows]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, keys, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(row: Row) -> dict[str, object]:
    plain = row.model_dump(exclude={"case", "settings", "runs", "flags"})
    flat: dict[str, object] = row.case.model_dump()
    for key, value in plain.items():
        if isinstance(value, dict):
            flat |= {
                f"{key}.{inner}": each for inner, each in value.items() if inner != "quantiles"
            }
        else:
            flat[key] = value
    return flat | {"flags": "; ".join(row.flags)}


def machine(document: Document) -> str:
    """The machine and the versions, in one line."""
    facts = document.machine
    packages = facts.get("packages") or {}
    backend = "tensorflow" if "tensorflow" in packages else "jax"
    versions = [f"{name} {packages[name]}" for name in (backend, "keras") if name in packages]
    memory = facts.get("memory_bytes")
    parts = [
        *(gpu["name"] for gpu in facts.get("gpu_state") or ()),
        str(facts.get("cpu")),
        f"{facts.get('usable_cores')} cores",
        *([f"{memory / 2**30:.0f} GiB"] if memory else []),
        f"Python {facts.get('python')}",
        *versions,
        document.created[:10],
    ]
    return ", ".join(parts)
