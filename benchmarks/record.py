"""Print a benchmark's table and keep it: results/NAME.json, and its section of README.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from zoo.engine import machine

HERE = Path(__file__).parent


def record(
    name: str,
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    note: str = "",
    on: Mapping[str, Any] | None = None,
    day: str | None = None,
    **facts: Any,
) -> None:
    """Print a table and store it with the machine it was measured on.

    Args:
        name: Name of the script, without suffix.
        title: What the table shows.
        header: Titles of the columns.
        rows: Cells.
        note: How it was measured.
        on: Facts of the machine, where rows were stored with them; by default of this one.
        day: When it was measured; by default today.
        **facts: The figures behind the cells, for the JSON.
    """
    on = on or machine.facts()
    lines = [
        f"## {title}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
        "",
        f"{note} `python benchmarks/{name}.py`".strip(),
        "",
        f"_{_machine(on)}, {day or date.today().isoformat()}_",
    ]
    section = "\n".join(lines) + "\n"
    print(section)
    results = HERE / "results" / f"{name}.json"
    results.parent.mkdir(exist_ok=True)
    document = {"benchmark": name, "section": section, "machine": on, **facts}
    results.write_text(json.dumps(document, indent=2, default=str) + "\n")
    _write_readme()


def _machine(facts: Mapping[str, Any]) -> str:
    packages = facts["packages"]
    backend = "TensorFlow" if "tensorflow" in packages else "JAX"
    parts = [
        *(f"{gpu['name']}, driver {gpu['driver_version']}" for gpu in facts["gpu_state"] or ()),
        str(facts["cpu"]),
        f"{facts['usable_cores']} cores",
        f"{facts['memory_bytes'] / 2**30:.0f} GiB",
        f"Python {facts['python']}",
        f"{backend} {packages.get(backend.lower())}",
        f"Keras {packages.get('keras')}",
    ]
    return ", ".join(parts)


def _write_readme() -> None:
    head = (
        "# Benchmarks\n\nEach script prints one of these tables and writes it here and to "
        "`results/`. `make bench`, or `zoo bench --suite [NAME ...]`, runs them again.\n\n"
        "Below each stands the machine: all but `gpu.py` run on CPUs.\n"
    )
    sections = [
        json.loads(path.read_text())["section"] for path in sorted(HERE.glob("results/*.json"))
    ]
    (HERE / "README.md").write_text("\n".join([head, *sections]))
