"""`zoo explain --score`: how far the maps can be trusted, a row for each interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli import show

if TYPE_CHECKING:
    import keras


def tell(
    model: keras.Model,
    pictures: Sequence[Path],
    interpreters: Sequence[str],
    targets: Any,
    masks: Path | None,
    facts: dict[str, Any],
) -> None:
    """Score the interpreters, and print the table or the document."""
    from zoo.engine.trust.score import score

    found = score(model, pictures, interpreters=interpreters, targets=targets, masks=masks)
    show.document({**facts, **found, "masks": str(masks) if masks else None}, render)


def render(facts: dict[str, Any]) -> str:
    """Two tables: scores with their intervals, and how alike the interpreters' maps are."""
    from zoo.engine.trust.score import BETTER

    methods = facts["methods"]
    names = [name for name in BETTER if any(name in row["scores"] for row in methods)]
    rows = [
        [
            row["interpreter"],
            f"{1000 * row['seconds']:,.0f}",
            *(_cell(row["scores"].get(name)) for name in names),
            "passes" if row["sane"] else "fails: its maps hardly depend on the weights",
        ]
        for row in methods
    ]
    header = ["interpreter", "ms", *(f"{name} {_arrow(BETTER[name])}" for name in names), "sanity"]
    blocks = [show.table(rows, header, right=tuple(range(1, len(names) + 2)))]
    if len(methods) > 1:
        alike = facts["agreement"]
        ids = list(alike)
        blocks.append(
            show.table(
                [[one, *(f"{alike[one][other]:.2f}" for other in ids)] for one in ids],
                ["rank correlation", *ids],
                right=tuple(range(1, len(ids) + 1)),
            )
        )
    blocks.append(
        f"means over {facts['pictures']} pictures with intervals of 95 %; ms are milliseconds a "
        "picture"
    )
    return "\n\n".join(blocks)


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    low, high = found["interval"]
    return f"{found['mean']:.3f} ({low:.3f} to {high:.3f})"


def _arrow(end: str) -> str:
    return "+" if end == "high" else "-"
