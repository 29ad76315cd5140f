"""The pages of a run, made from its own files and the pictures it names.

They can be made again at any time; what is no longer there is left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from zoo.engine import predictions as tables
from zoo.engine import run as runs
from zoo.engine.report import facts, pictures, plot, survey
from zoo.engine.report.facts import percent
from zoo.engine.report.pictures import MATRIX_LIMIT, PAIRS, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import keras

    from zoo.engine.run import Run

PAGES = {"report.html": "report.html.jinja", "card.md": "card.md.jinja"}
PREDICTIONS = "predictions.csv"
CURVES = {"accuracy": "Accuracy", "loss": "Loss"}
MOST_PHASES_NAMED = 4
WEAKEST = 3


def write(run: Run | str | Path, model: keras.Model | None = None) -> list[Path]:
    """Write the pages of a run.

    Args:
        run: A run or its folder. Curves need its history.csv, tables its metrics.json, pictures
            its predictions.csv and the data.
        model: The run's model, to lay heat maps over its worst mistakes; None for none.

    Returns:
        The files, inside the run.
    """
    opened = runs.open(run) if isinstance(run, (str, Path)) else run
    story = tell(opened, model)
    return [opened.write(name, template(file).render(story)) for name, file in PAGES.items()]


def tell(run: Run, model: keras.Model | None = None) -> dict[str, Any]:
    """Gather what the pages say.

    Args:
        run: The run.
        model: As `write`.

    Returns:
        The templates' names and their values.
    """
    metrics = run.metrics
    history = run.history()
    answers = _answers(run)
    cells = pictures.cells(run.measured_on, answers, run.classes)
    worst, unmapped = pictures.top_losses(run, answers, model)
    recipe = run.path / "recipe.toml"
    return {
        "title": run.spec,
        "subtitle": _subtitle(run),
        "figures": _figures(run, metrics, history),
        "drawn": _charts(history),
        "metrics": metrics,
        "evaluated": _evaluated(metrics) if metrics else "",
        "judged": _judged(metrics) if metrics else [],
        "classes": run.classes,
        "weakest": _weakest(metrics) if metrics else [],
        "license": facts.license(run),
        "data_name": run.data.name,
        "confused": _confused(metrics) if metrics else [],
        "matrix": _matrix(metrics, {cell["id"] for cell in cells}) if metrics else [],
        "cells": cells,
        "worst": worst,
        "unmapped": unmapped,
        "label_errors": pictures.label_errors(run.measured_on, answers),
        "survey": survey.look(run),
        "surgery": list(run.facts.get("surgery", ())),
        "contracts": run.facts.get("contracts") or {},
        "facts": facts.facts(run),
        "timings": facts.timings(run),
        "recipe": recipe.read_text(encoding="utf-8") if recipe.is_file() else "",
        "commands": facts.commands(run),
        "folder": run.name,
    }


def _answers(run: Run) -> list[Answer]:
    file = run.path / PREDICTIONS
    return [Answer.read(row) for row in tables.read(file)] if file.is_file() else []


def _subtitle(run: Run) -> str:
    told = f"{len(run.classes)} classes of {run.data.name}"
    if run.facts["recipe"] != "surgery":
        told += f", trained with the recipe {run.facts['recipe']}"
    if steps := [row["step"]["do"] for row in run.facts.get("surgery", ())]:
        told += f", then {', '.join(steps)}"
    return f"{told}, at {facts.size(run)}"


def _figures(
    run: Run, metrics: Mapping[str, Any] | None, history: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """The few numbers that a reader wants first."""
    found = []
    if metrics:
        low, high = metrics["accuracy_interval"]
        note = f"{metrics['split']}, 95 %: {percent(low)} to {percent(high)}"
        found.append(("accuracy", percent(metrics["accuracy"]), note))
        if "top5_accuracy" in metrics:
            low, high = metrics["top5_accuracy_interval"]
            note = f"95 %: {percent(low)} to {percent(high)}"
            found.append(("top-5 accuracy", percent(metrics["top5_accuracy"]), note))
        balanced = metrics["balanced_accuracy"]
        found.append(("balanced accuracy", percent(balanced), "mean recall of the classes"))
        found.append(("macro F1", percent(metrics["macro"]["f1"]), "mean of the classes"))
        found.append(("loss", f"{metrics['loss']:.4f}", "cross-entropy, nats"))
    else:
        scores = [row["val_accuracy"] for row in history if row.get("val_accuracy") is not None]
        if scores:
            found.append(("accuracy", percent(max(scores)), "validation, best epoch"))
    phases = list(dict.fromkeys(str(row["phase"]) for row in history))
    if history:
        found.append(("epochs", str(len(history)), _few(phases, MOST_PHASES_NAMED)))
    return [{"name": name, "value": value, "note": note} for name, value, note in found]


def _charts(history: list[dict[str, Any]]) -> list[dict[str, str]]:
    phases = [str(row["phase"]) for row in history]
    drawn = []
    for key, title in CURVES.items():
        series = {
            "training": [row.get(key) for row in history],
            "validation": [row.get(f"val_{key}") for row in history],
        }
        if svg := plot.curves(title, series, phases):
            drawn.append({"title": title, "svg": svg})
    return drawn


def _judged(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    """Charts of how far the model's confidence goes."""
    drawn = [
        {"title": "Confidence and accuracy", "svg": plot.reliability(metrics["calibration"])},
        {
            "title": "Accuracy where it is surest",
            "svg": plot.risk_coverage(metrics["risk_coverage"]),
        },
    ]
    if "roc" in metrics:
        drawn.append({"title": "ROC", "svg": plot.roc(metrics["roc"])})
        curve = plot.precision_recall(metrics["precision_recall"])
        drawn.append({"title": "Precision and recall", "svg": curve})
    return drawn


def _evaluated(metrics: Mapping[str, Any]) -> str:
    text = f"{metrics['pictures']:,} pictures, {metrics['split']} split of {metrics['data']}"
    unreadable = metrics["unreadable"]
    return text + (f"; {len(unreadable)} unreadable, left out" if unreadable else "")


def _confused(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pairs of classes that are taken for each other, the most frequent first."""
    names = metrics["classes"]
    pairs = [
        {
            "count": count,
            "truth": names[truth],
            "answer": names[answer],
            "id": f"cell-{truth}-{answer}",
        }
        for truth, answer, count in metrics["confusion"]
        if truth != answer
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:PAIRS]


def _weakest(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The classes that the model finds hardest, of those that it does not get all right."""
    missed = [row for row in metrics["per_class"] if row["support"] and row["f1"] < 1]
    return sorted(missed, key=lambda row: row["f1"])[:WEAKEST]


def _matrix(metrics: Mapping[str, Any], shown: set[str]) -> list[dict[str, Any]]:
    """Rows of the confusion matrix, each cell shaded by its share of the row."""
    names = metrics["classes"]
    if len(names) > MATRIX_LIMIT:
        return []
    matrix = [[0] * len(names) for _ in names]
    for truth, answer, count in metrics["confusion"]:
        matrix[truth][answer] = count
    rows = []
    for truth, (name, counts) in enumerate(zip(names, matrix, strict=True)):
        total = sum(counts) or 1
        cells = [
            # Even a single mistake among many is to be seen.
            {
                "count": count,
                "answer": names[answer],
                "hit": answer == truth,
                "id": place if (place := f"cell-{truth}-{answer}") in shown else "",
                "shade": f"{0.12 + 0.5 * count / total:.2f}" if count else "0",
            }
            for answer, count in enumerate(counts)
        ]
        rows.append({"name": name, "cells": cells})
    return rows


def _few(names: Sequence[str], limit: int) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def template(name: str) -> jinja2.Template:
    """A page of templates/; HTML escapes what it is given."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja",)),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["percent"] = percent
    # A JSON string is a YAML string.
    pages.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)
    pages.filters["cell"] = _cell
    return pages.get_template(name)


def _cell(text: str) -> str:
    """Text inside a Markdown table: a bar would end its cell, a bracket begin a tag."""
    return str(text).replace("|", "\\|").replace("<", "&lt;")
