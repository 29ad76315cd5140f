"""A comparison of runs as one page that opens anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo import atomic
from zoo.engine.report.page import template
from zoo.engine.report.pictures import Answer, thumbnail


def write(facts: dict[str, Any], path: str | Path) -> Path:
    """Write what `compare` found, with the pictures on which the runs disagree.

    Args:
        facts: The result of `compare`.
        path: The page, ending in .html; one that is there is replaced.

    Returns:
        The path.
    """
    root = Path(facts["data"] or ".")
    shown = []
    for row in facts["disagreements"]:
        said = Answer(row["path"], row["label"], "", 0.0, 0.0)
        if small := thumbnail(root, said):
            shown.append({"picture": small, **row})
    path = Path(path)
    page = template("compare.html.jinja").render(**facts, shown=shown)
    with atomic.replacing(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return path
