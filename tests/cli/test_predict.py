from __future__ import annotations

import csv
import json

import pytest

from zoo.cli.main import main


def test_pictures_are_named_with_their_next_classes(colour_run, colours, capsys):
    assert main(["predict", str(colour_run), str(colours / "test/red"), "--top", "2"]) == 0

    red = colours / "test/red"
    told = capsys.readouterr().out.splitlines()
    # Softmax of (0, 0, 2.5), of (2.5, 0, 0) and of (0, 0.6, 1.2) by hand.
    assert told[2:] == [
        f"{red}/0.png  red 85.9 %   blue 7.1 %",
        f"{red}/1.png  blue 85.9 %  green 7.1 %",
        f"{red}/2.png  red 54.1 %   green 29.7 %",
    ]


def test_json_holds_every_record(colour_run, colours, answer, capsys):
    pictures = [str(colours / "test/green/1.png"), str(colours / "test/blue")]
    assert main(["predict", str(colour_run), *pictures, "--json"]) == 0

    records = json.loads(capsys.readouterr().out)
    assert [record["class"] for record in records] == ["green", "blue", "blue"]
    assert records[0]["probability"] == pytest.approx(answer((60, 120, 60))["green"], abs=1e-6)


def test_answers_go_to_a_table_as_they_come(colour_run, colours, tmp_path, capsys):
    whole = (colours / "test/red/1.png").read_bytes()
    (colours / "test/red/1.png").write_bytes(whole[: len(whole) // 2])
    table = tmp_path / "answers.csv"

    assert main(["predict", str(colour_run), str(colours / "test/red"), "--csv", str(table)]) == 0

    told = capsys.readouterr()
    assert told.out == f"csv       {table}\npictures  3\n"
    assert f"unreadable: {colours}/test/red/1.png: PNG that cannot be decoded (" in told.err
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["class"] for row in rows] == ["red", "", "red"]
    assert rows[0]["probability"] == "0.858981"
    assert rows[1]["error"].startswith("PNG that cannot be decoded")
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_when_nothing_can_be_read_the_call_was_wrong(colour_run, tmp_path, capsys):
    picture, table = tmp_path / "rose.jpg", tmp_path / "answers.csv"
    picture.write_bytes(b"")

    assert main(["predict", str(colour_run), str(picture), "--csv", str(table)]) == 2

    assert capsys.readouterr().err.endswith(
        f"error: none of the pictures can be read; the last is {picture}: "
        "an empty file; read are JPEG, PNG, GIF, BMP, WEBP and TIFF\n"
    )
    assert not table.exists()


def test_what_is_missing_or_in_the_way_is_said_before_tensorflow_starts(
    colour_run, colours, tmp_path, capsys, monkeypatch
):
    from zoo.engine import runtime

    monkeypatch.setattr(runtime, "start", lambda *_: pytest.fail("TensorFlow was started"))
    missing = tmp_path / "rose.jpg"
    assert main(["predict", str(colour_run), str(missing)]) == 2
    assert capsys.readouterr().err == (
        f"error: {missing} does not exist\n  hint: give picture files or folders\n"
    )

    table = tmp_path / "answers.csv"
    table.write_text("mine")
    assert main(["predict", str(colour_run), str(colours), "--csv", str(table)]) == 2
    assert capsys.readouterr().err == (
        f"error: {table} exists\n  hint: choose another name, or delete it first\n"
    )
    assert table.read_text() == "mine"

    assert main(["predict", str(colour_run), str(colours), "--csv", "no/such/a.csv"]) == 2
    assert capsys.readouterr().err == (
        "error: the folder no/such does not exist\n  hint: make it first\n"
    )


def test_views_of_a_policy_are_checked_before_anything_is_loaded(colour_run, colours, capsys):
    words = ["predict", str(colour_run), str(colours / "test/red")]
    assert main([*words, "--tta", "lihgt:n=4"]) == 2
    assert "did you mean light?" in capsys.readouterr().err
    assert main([*words, "--tta", "flip:n=4"]) == 0
    assert "red/0.png" in capsys.readouterr().out
