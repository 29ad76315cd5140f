"""A run told in two pages: `report.html` for people, `card.md` for the model hub.

Both are made from the run's own files alone, so they can be made again at any time.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from zoo import license as licenses
from zoo.engine import chart
from zoo.engine import run as runs
from zoo.option import spell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.engine.chart import Chart
    from zoo.engine.run import Run

PAGES = {"report.html": "report.html.jinja", "card.md": "card.md.jinja"}
# Beyond this many classes a matrix is no longer read; the pairs most often confused are.
MATRIX_LIMIT = 30
PAIRS = 5
CURVES = {"accuracy": "Accuracy", "loss": "Loss"}


def write(run: Run | str | Path) -> list[Path]:
    """Write the pages of a run.

    Args:
        run: A run or its folder. Curves need its history.csv, tables its metrics.json.

    Returns:
        The files, inside the run.
    """
    opened = runs.open(run) if isinstance(run, (str, Path)) else run
    story = tell(opened)
    pages = _pages()
    return [
        opened.write(name, pages.get_template(template).render(story))
        for name, template in PAGES.items()
    ]


def tell(run: Run) -> dict[str, Any]:
    """Gather what the pages say.

    Args:
        run: The run.

    Returns:
        The templates' names and their values: title, figures, charts, tables, facts, commands.
    """
    metrics = run.metrics
    history = run.history()
    return {
        "title": run.spec,
        "subtitle": _subtitle(run),
        "figures": _figures(run, metrics, history),
        "charts": _charts(history),
        "metrics": metrics,
        "evaluated": _evaluated(metrics) if metrics else "",
        "data_name": run.data.name,
        "confused": _confused(metrics) if metrics else [],
        "matrix": _matrix(metrics) if metrics else [],
        "facts": _facts(run),
        "commands": _commands(run),
        "folder": run.name,
    }


def _subtitle(run: Run) -> str:
    return (
        f"{len(run.classes)} classes of {run.data.name}, trained with the recipe "
        f"{run.facts['recipe']} at {_size(run)}"
    )


def _figures(
    run: Run, metrics: Mapping[str, Any] | None, history: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """The few numbers that a reader wants first."""
    found = []
    if metrics:
        low, high = metrics["accuracy_interval"]
        note = f"{metrics['split']}, 95 %: {_percent(low)} to {_percent(high)}"
        found.append(("accuracy", _percent(metrics["accuracy"]), note))
        if "top5_accuracy" in metrics:
            found.append(("top-5 accuracy", _percent(metrics["top5_accuracy"]), metrics["split"]))
        found.append(("macro F1", _percent(metrics["macro"]["f1"]), "mean of the classes"))
        found.append(("loss", f"{metrics['loss']:.4f}", "cross-entropy, nats"))
    else:
        scores = [row["val_accuracy"] for row in history if row.get("val_accuracy") is not None]
        if scores:
            found.append(("accuracy", _percent(max(scores)), "validation, best epoch"))
    found.append(("epochs", str(len(history)), ", ".join(_phases(history))))
    return [{"name": name, "value": value, "note": note} for name, value, note in found]


def _charts(history: list[dict[str, Any]]) -> list[Chart]:
    phases = [str(row["phase"]) for row in history]
    drawn = []
    for key, title in CURVES.items():
        series = {
            "training": [row.get(key) for row in history],
            "validation": [row.get(f"val_{key}") for row in history],
        }
        laid_out = chart.draw(title, series, phases)
        if laid_out:
            drawn.append(laid_out)
    return drawn


def _evaluated(metrics: Mapping[str, Any]) -> str:
    text = f"{metrics['pictures']:,} pictures, {metrics['split']} split of {metrics['data']}"
    unreadable = metrics["unreadable"]
    return text + (f"; {len(unreadable)} unreadable, left out" if unreadable else "")


def _confused(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pairs of classes that are taken for each other, the most frequent first."""
    names = metrics["classes"]
    pairs = [
        {"count": count, "truth": names[truth], "answer": names[answer]}
        for truth, row in enumerate(metrics["confusion"])
        for answer, count in enumerate(row)
        if count and truth != answer
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:PAIRS]


def _matrix(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the confusion matrix, each cell shaded by its share of the row."""
    if len(metrics["classes"]) > MATRIX_LIMIT:
        return []
    rows = []
    for truth, (name, counts) in enumerate(
        zip(metrics["classes"], metrics["confusion"], strict=True)
    ):
        total = sum(counts) or 1
        cells = [
            # Even a single mistake among many is to be seen.
            {
                "count": count,
                "hit": answer == truth,
                "shade": f"{0.12 + 0.5 * count / total:.2f}" if count else "0",
            }
            for answer, count in enumerate(counts)
        ]
        rows.append({"name": name, "cells": cells})
    return rows


def _facts(run: Run) -> list[tuple[str, str]]:
    """What was trained, on what, with what: enough to judge and to repeat it."""
    facts = run.facts
    resolved = facts["resolved"]
    data = facts["data"]
    kinds = [kind for kind in ("backbone", "head") if kind in resolved]
    rows = [("model", run.spec), *((kind, _part(resolved[kind])) for kind in kinds)]
    weights = resolved.get("backbone", {}).get("weights")
    if weights:
        rows.append(("pretrained weights", _weights(weights)))
    counts = ", ".join(f"{count:,} {split}" for split, count in data["pictures"].items())
    rows += [
        ("parameters", f"{facts['parameters']:,}"),
        ("input", f"{_size(run)} RGB, 0..255"),
        ("dtype", facts["dtype"]),
        ("augmentation", facts["policy"] or "none"),
        ("recipe", facts["recipe"]),
        ("seed", str(run.seed)),
        ("data", f"{data['root']}: {counts}"),
        ("data digest", data["digest"]),
        ("trained", f"{facts['created']}, {facts['timings']['total']:.0f} s on {facts['device']}"),
        ("versions", ", ".join(f"{name} {number}" for name, number in facts["versions"].items())),
    ]
    return rows


def _part(part: Mapping[str, Any]) -> str:
    options = " ".join(f"{name}={spell(value)}" for name, value in part["options"].items())
    return f"{part['id']} {options}".rstrip() + f" ({part['distribution']} {part['version']})"


def _weights(weights: Mapping[str, Any]) -> str:
    given = weights["license"] or ""
    license = given if licenses.stated(given) else "not stated by the publisher"
    return f"@{weights['tag']} from {weights['source']}, license {license}"


def _commands(run: Run) -> list[str]:
    folder = shlex.quote(_folder(run))
    # Whatever else was asked for is in the recipe, which holds every value.
    again = ["zoo train", shlex.quote(run.spec), shlex.quote(str(run.data))]
    again += [f"--recipe {folder}/recipe.toml --input-size {_size(run)} --seed {run.seed}"]
    if run.facts["dtype"] != "float32":
        again += [f"--dtype {run.facts['dtype']}"]
    return [
        "pip install keras-zoo",
        " ".join([*again, "--out again"]),
        f"zoo evaluate {folder}",
        f"zoo predict {folder} picture.png",
        f"zoo explain {folder} picture.png",
        f"zoo export {folder} --out deploy",
    ]


def _size(run: Run) -> str:
    return "x".join(map(str, run.input_size))


def _folder(run: Run) -> str:
    """The name that the run's folder will bear, also while it is being filled."""
    return run.path.name.removesuffix(runs.UNFINISHED)


def _phases(history: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row["phase"]) for row in history))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def _pages() -> jinja2.Environment:
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja",)),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    pages.filters["percent"] = _percent
    # A JSON string is a YAML string.
    pages.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)
    pages.filters["cell"] = _cell
    return pages


def _cell(text: str) -> str:
    """Text inside a Markdown table: a bar would end its cell, a bracket begin a tag."""
    return str(text).replace("|", "\\|").replace("<", "&lt;")
