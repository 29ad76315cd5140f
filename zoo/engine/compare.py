"""Runs beside each other on the same pictures: which is better, how surely, and at what cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from zoo.engine import artefact, cost
from zoo.engine import predictions as tables
from zoo.engine import run as runs
from zoo.errors import DataError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.engine.run import Run

DRAWS = 10_000
LISTED = 50
PREDICTIONS = "predictions.csv"


def compare(targets: Sequence[str | Path]) -> dict[str, Any]:
    """Compare evaluated runs picture by picture, the first with each of the others.

    Args:
        targets: Two or more runs that `evaluate` measured on the same pictures.

    Returns:
        `pictures`, `runs` with accuracy and cost, `pairs` with the counts of pictures that only one
        got right, the difference of the accuracies with its 95 % interval and McNemar's `p`
        (adjusted by Holm's method where there are several), and `disagreements`, the pictures
        that some get right and some do not.

    Raises:
        RunError: A run is unfinished or was not evaluated.
        DataError: Classes, pictures or labels of the runs differ.
    """
    if len(targets) < 2:
        raise RunError(f"a comparison takes two runs or more, received {len(targets)}")
    opened = [runs.open(target) for target in targets]
    answers = [_answers(run) for run in opened]
    _check(opened, answers)
    paths = list(answers[0])
    hits = np.array(
        [[row[path]["label"] == row[path]["predicted"] for path in paths] for row in answers]
    )
    pairs = [_pair(hits[0], other) for other in hits[1:]]
    for pair, p in zip(pairs, _holm([pair["p"] for pair in pairs]), strict=True):
        pair["p"] = p
    for pair, run in zip(pairs, opened[1:], strict=True):
        pair |= {"first": str(opened[0].path), "second": str(run.path)}
    return {
        "pictures": len(paths),
        "data": (opened[0].metrics or {}).get("data"),
        "runs": [_facts(run, right) for run, right in zip(opened, hits, strict=True)],
        "pairs": pairs,
        "disagreements": _disagreements(paths, answers, hits),
    }


def _answers(run: Run) -> dict[str, dict[str, str]]:
    file = run.path / PREDICTIONS
    if not file.is_file() or run.metrics is None:
        raise RunError(
            f"{run.path} was not evaluated: it holds no {PREDICTIONS}", f"zoo evaluate {run.path}"
        )
    return {row["path"]: row for row in tables.read(file)}


def _check(opened: Sequence[Run], answers: Sequence[Mapping[str, Mapping[str, str]]]) -> None:
    """Refuse what cannot be compared picture by picture."""
    first = opened[0]
    for run, rows in zip(opened[1:], answers[1:], strict=True):
        if set(run.classes) != set(first.classes):
            lacking = sorted(set(first.classes) ^ set(run.classes))
            raise DataError(
                f"{first.path} and {run.path} tell different classes apart: only one knows "
                + ", ".join(lacking[:5])
                + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""),
                "compare runs of the same classes",
            )
        same = rows.keys() == answers[0].keys()
        if not same or any(rows[path]["label"] != answers[0][path]["label"] for path in rows):
            shared = len(rows.keys() & answers[0].keys())
            raise DataError(
                f"{first.path} was measured on {len(answers[0])} pictures and {run.path} on "
                f"{len(rows)}, {shared} of them the same",
                "evaluate both on one folder: zoo evaluate RUN DATA",
            )
        told = [each.metrics or {} for each in (first, run)]
        if len({figures.get("digest") for figures in told}) > 1:
            raise DataError(
                f"{first.path} was measured on {told[0]['data']} and {run.path} on "
                f"{told[1]['data']}, where the same names are other files",
                "evaluate both on one folder: zoo evaluate RUN DATA",
            )


def _pair(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """Two runs on the same pictures, hits as bool [N].

    Only pictures that one got right and the other wrong tell them apart: Q. McNemar, Psychometrika
    12 (1947), 153-157, in its exact form.
    """
    total = len(first)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    differing = only_first + only_second
    p = stats.binomtest(only_first, differing).pvalue if differing else 1.0
    # A bootstrap of the pictures draws these counts from a multinomial.
    shares = [only_first / total, only_second / total, 1 - differing / total]
    drawn = np.random.default_rng(0).multinomial(total, shares, DRAWS)
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / total, (0.025, 0.975))
    return {
        "both": int((first & second).sum()),
        "only_first": only_first,
        "only_second": only_second,
        "neither": int((~first & ~second).sum()),
        "difference": (only_second - only_first) / total,
        "difference_interval": [float(low), float(high)],
        "p": float(p),
    }


def _holm(values: Sequence[float]) -> list[float]:
    """Holm's adjustment of several p-values: S. Holm, Scand. J. Statistics 6 (1979), 65-70."""
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = largest
    return adjusted


def _facts(run: Run, right: np.ndarray) -> dict[str, Any]:
    metrics = run.metrics or {}
    return {
        "run": str(run.path),
        "spec": run.spec,
        "accuracy": float(right.mean()),
        "accuracy_interval": metrics["accuracy_interval"],
        "loss": metrics["loss"],
        "ece": metrics.get("calibration", {}).get("ece"),
        "parameters": run.facts["parameters"],
        "macs": cost.of(artefact.load(run.path)).total("macs"),
        "bytes": run.model.stat().st_size,
        "training_seconds": run.facts["timings"]["total"],
    }


def _disagreements(
    paths: Sequence[str], answers: Sequence[Mapping[str, Mapping[str, str]]], hits: np.ndarray
) -> list[dict[str, Any]]:
    """Pictures that some get right and some do not, those with the widest losses first."""
    losses = np.array([[float(row[path]["loss"]) for path in paths] for row in answers])
    split = np.flatnonzero(hits.any(axis=0) & ~hits.all(axis=0))
    apart = np.ptp(losses, axis=0)[split]
    return [
        {
            "path": paths[index],
            "label": answers[0][paths[index]]["label"],
            "answers": [row[paths[index]]["predicted"] for row in answers],
            "probabilities": [float(row[paths[index]]["probability"]) for row in answers],
        }
        for index in split[np.argsort(-apart, kind="stable")][:LISTED]
    ]
