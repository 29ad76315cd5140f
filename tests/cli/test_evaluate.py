from __future__ import annotations

import csv
import json
import math
import shutil

import pytest
from scipy import optimize

from zoo.cli.main import main


def test_a_run_is_measured_and_keeps_the_result(colour_run, colours, capsys):
    assert main(["evaluate", str(colour_run), "--device", "cpu"]) == 0

    told = capsys.readouterr()
    # All three validation pictures are right, so they tell of no temperature.
    calibration = f"off by {100 * ece(colour_run):.1f} points on average"
    # Six of seven; the closed form of Wilson's interval gives 48.69 to 97.43.
    assert told.out == (
        f"{colour_run} on 7 pictures, test of {colours}\n"
        "\n"
        "accuracy     85.71 %  (95 %: 48.69 to 97.43 %)\n"
        "balanced     88.89 %\n"
        "macro F1     86.67 %\n"
        "loss         0.7256\n"
        f"calibration  {calibration}\n"
        "\n"
        "class  precision   recall       F1  pictures\n"
        "-----  ---------  -------  -------  --------\n"
        "blue      66.7 %  100.0 %   80.0 %         2\n"
        "green    100.0 %  100.0 %  100.0 %         2\n"
        "red      100.0 %   66.7 %   80.0 %         3\n"
        "\n"
        "written\n"
        f"  {colour_run}/metrics.json\n"
        f"  {colour_run}/predictions.csv\n"
        f"  {colour_run}/report.html\n"
        f"  {colour_run}/card.md\n"
    )
    assert "device: cpu" in told.err
    metrics = json.loads((colour_run / "metrics.json").read_text())
    assert metrics["confusion"] == [[0, 0, 2], [1, 1, 2], [2, 0, 1], [2, 2, 2]]
    rows = list(csv.DictReader((colour_run / "predictions.csv").read_text().splitlines()))
    assert sum(row["label"] == row["predicted"] for row in rows) == 6
    assert "85.7" in (colour_run / "report.html").read_text()


def ece(run) -> float:
    return json.loads((run / "metrics.json").read_text())["calibration"]["ece"]


def test_the_temperature_is_fitted_to_the_validation_pictures(colour_run, colours, capsys):
    shutil.copy(colours / "val/blue/0.png", colours / "val/red/1.png")
    assert main(["evaluate", str(colour_run)]) == 0

    assert "(4 validation pictures)" in capsys.readouterr().out
    softened = json.loads((colour_run / "metrics.json").read_text())["calibration"]["softened"]
    # Scores of 2.2 for one colour and 0 for two: three pictures are right, one has the blue score.
    found = optimize.minimize_scalar(
        lambda t: 4 * math.log(math.exp(2.2 / t) + 2) - 3 * 2.2 / t, bounds=(0.05, 20),
        method="bounded",
    )  # fmt: skip
    assert softened["temperature"] == pytest.approx(found.x, rel=1e-2)


def test_every_answer_is_kept_where_it_is_asked_for(colour_run, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    table = tmp_path / "answers.parquet"
    assert main(["evaluate", str(colour_run), "--predictions", str(table), "--json"]) == 0

    from pyarrow import parquet

    assert str(table) in json.loads(capsys.readouterr().out)["written"]
    rows = parquet.read_table(table).to_pylist()
    assert len(rows) == 7
    assert sum(row["label"] == row["predicted"] for row in rows) == 6
    assert refused(["evaluate", str(colour_run), "--predictions", "a.doc"], capsys) == (
        "error: a.doc is no table\n  hint: let it end in .csv or .parquet\n"
    )


def test_json_is_one_document(colour_run, capsys):
    assert main(["evaluate", str(colour_run), "--split", "val", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["split"] == "val"
    assert document["accuracy"] == 1.0
    assert document["model"] == str(colour_run)


def test_a_file_is_measured_on_the_data_that_is_named(colour_run, colours, capsys):
    file = colour_run / "model.keras"
    assert main(["evaluate", str(file), str(colours), "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["accuracy"] == pytest.approx(6 / 7)
    assert document["written"] == []
    assert not (colour_run / "metrics.json").exists()


def refused(words, capsys) -> str:
    """What a command says that is called wrongly; it prints no result."""
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def test_a_file_without_data_is_refused(colour_run, capsys):
    file = colour_run / "model.keras"

    assert refused(["evaluate", str(file)], capsys) == (
        f"error: {file} does not say what it was trained on\n  hint: zoo evaluate {file} DATA\n"
    )


def test_data_that_is_gone_is_said(colour_run, colours, capsys):
    shutil.rmtree(colours)

    assert refused(["evaluate", str(colour_run)], capsys) == (
        f"error: {colours}, which {colour_run} was trained on, is gone\n"
        f"  hint: zoo evaluate {colour_run} DATA\n"
    )


def test_other_classes_are_refused_before_tensorflow_starts(
    colour_run, colours, capsys, monkeypatch
):
    from zoo.engine import runtime

    monkeypatch.setattr(runtime, "start", lambda *_: pytest.fail("TensorFlow was started"))
    for split in ("train", "val", "test"):
        shutil.rmtree(colours / split / "green")

    assert refused(["evaluate", str(colour_run)], capsys) == (
        f"error: the classes of model (3) and data (2) differ: {colours} lacks green\n"
        "  hint: give data with one folder for each class of the model: blue, green, red\n"
    )
    assert not (colour_run / "metrics.json").exists()


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_model_that_is_not_there_is_said(command, tmp_path, capsys):
    words = [command, str(tmp_path / "no-run"), str(tmp_path)]

    assert refused(words, capsys) == (
        f"error: {tmp_path / 'no-run'} does not exist\n"
        "  hint: give the folder of a run, or a .keras file\n"
    )


def test_a_device_that_is_misspelt_is_said(colour_run, capsys):
    assert refused(["evaluate", str(colour_run), "--device", "tpu"], capsys) == (
        "error: no device called 'tpu'; devices are cpu, gpu:0, gpu:1 ...\n"
    )
