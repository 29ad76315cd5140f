from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from scipy import stats

from zoo.cli.main import main
from zoo.engine import compare as comparing
from zoo.engine import predictions
from zoo.engine import run as runs
from zoo.engine.compare import compare
from zoo.errors import DataError, RunError


def hits(*counts):
    """Hits of two runs: both right, only the first, only the second, neither."""
    rows = [(1, 1), (1, 0), (0, 1), (0, 0)]
    return np.array([row for row, n in zip(rows, counts, strict=True) for _ in range(n)], bool).T


def test_mcnemar_by_hand():
    # 1 against 7 of 8 coins: 2 * (1 + 8) / 256.
    pair = comparing._pair(*hits(80, 1, 7, 12))
    assert pair["p"] == pytest.approx(18 / 256)
    assert pair["difference"] == pytest.approx(0.06)
    assert (pair["both"], pair["only_first"], pair["only_second"], pair["neither"]) == (
        80,
        1,
        7,
        12,
    )
    assert comparing._pair(*hits(5, 0, 0, 5))["p"] == 1.0


def test_the_interval_is_that_of_resampled_pictures():
    first, second = hits(300, 30, 60, 110)
    pair = comparing._pair(first, second)

    found = stats.bootstrap(
        (second.astype(float) - first,), np.mean, n_resamples=5000, method="percentile", rng=1
    )
    assert pair["difference_interval"] == pytest.approx(list(found.confidence_interval), abs=4e-3)


def test_several_comparisons_are_adjusted():
    # Holm by hand: 3 * 0.01, 2 * 0.03 and 1 * 0.04, which may not fall below the one before.
    assert comparing._holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])


@pytest.fixture
def two(colour_run, colours, tmp_path):
    """The colour run, and one that takes every green picture for a blue one."""
    assert main(["evaluate", str(colour_run), "--json"]) == 0
    other = tmp_path / "other"
    shutil.copytree(colour_run, other)
    rows = predictions.read(other / "predictions.csv")
    for row in rows:
        if row["predicted"] == "green":
            row |= {"predicted": "blue", "loss": "5.000000"}
    with (other / "predictions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return colour_run, other


def test_runs_stand_beside_each_other(two, capsys, tmp_path):
    capsys.readouterr()
    page = tmp_path / "compare.html"
    assert main(["compare", *map(str, two), "--out", str(page)]) == 0

    told = capsys.readouterr().out
    assert "85.71 %" in told
    assert "57.14 %" in told
    # Two pictures that only the first gets right: 2 * 1/4.
    assert f"{two[1]} cannot be told from {two[0]}: -28.57 points" in told
    assert "McNemar p = 0.5; only the first is right on 2, only the second on 0" in told
    assert "test/green/0.png" in told
    text = page.read_text()
    assert text.count("<img") == 2
    assert "://" not in text.replace("data:image", "")
    facts = compare(two)
    assert facts["pairs"][0]["both"] == 4
    assert [row["path"] for row in facts["disagreements"]] == [
        "test/green/0.png",
        "test/green/1.png",
    ]
    assert facts["runs"][0]["macs"] > 0


def test_what_cannot_be_compared_is_said(two, colour_run, capsys):
    first, other = two

    def said(targets, kind) -> str:
        with pytest.raises(kind) as caught:
            compare(targets)
        return str(caught.value)

    assert said([first], RunError) == "a comparison takes two runs or more, received 1"
    metrics = runs.open(other).metrics
    runs.open(other).write("metrics.json", metrics | {"data": "elsewhere", "digest": "another"})
    assert said(two, DataError) == (
        f"{first} was measured on {metrics['data']} and {other} on elsewhere, where the same names "
        "are other files\n  hint: evaluate both on one folder: zoo evaluate RUN DATA"
    )
    lines = (other / "predictions.csv").read_text().splitlines(keepends=True)
    (other / "predictions.csv").write_text("".join(lines[:-1]))
    assert said(two, DataError) == (
        f"{first} was measured on 7 pictures and {other} on 6, 6 of them the same\n"
        "  hint: evaluate both on one folder: zoo evaluate RUN DATA"
    )
    runs.open(other).update(classes=["blue", "green", "pink"])
    assert said(two, DataError) == (
        f"{first} and {other} tell different classes apart: only one knows pink, red\n"
        "  hint: compare runs of the same classes"
    )
    (other / "predictions.csv").unlink()
    assert said(two, RunError) == (
        f"{other} was not evaluated: it holds no predictions.csv\n  hint: zoo evaluate {other}"
    )
    capsys.readouterr()
    assert main(["compare", str(first), str(other)]) == 2
    assert main(["compare", str(first), str(first), "--out", "x.pdf"]) == 2
    assert "a name ending in .html" in capsys.readouterr().err
    assert json.loads((first / "metrics.json").read_text())["accuracy"] == pytest.approx(6 / 7)
