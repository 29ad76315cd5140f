from __future__ import annotations

import csv
import math
import shutil

import pytest
from PIL import Image
from sklearn.metrics import classification_report

from zoo.engine.evaluate import evaluate
from zoo.errors import DataError


def test_figures_of_seven_pictures_by_hand(colour_model, colours, answer):
    figures = evaluate(colour_model, colours)

    # Of blue 2, green 2, red 3 all are right but the blue one filed under red.
    assert figures["split"] == "test"
    assert figures["data"] == str(colours)
    assert figures["pictures"] == 7
    assert figures["accuracy"] == pytest.approx(6 / 7)
    assert figures["confusion"] == [[0, 0, 2], [1, 1, 2], [2, 0, 1], [2, 2, 2]]
    assert figures["unreadable"] == {}
    losses = [
        -math.log(answer(pixel)[colour])
        for colour, pixel in [
            ("blue", (0, 0, 250)),
            ("blue", (0, 60, 120)),
            ("green", (0, 250, 0)),
            ("green", (60, 120, 60)),
            ("red", (250, 0, 0)),
            ("red", (0, 0, 250)),
            ("red", (120, 60, 0)),
        ]
    ]
    assert figures["loss"] == pytest.approx(sum(losses) / 7, abs=1e-6)


def test_per_class_figures_agree_with_scikit_learn(colour_model, colours):
    figures = evaluate(colour_model, colours)
    report = classification_report(
        ["blue", "blue", "green", "green", "red", "red", "red"],
        ["blue", "blue", "green", "green", "red", "blue", "red"],
        output_dict=True,
    )

    for row in figures["per_class"]:
        expected = report[row["class"]]
        assert row["precision"] == pytest.approx(expected["precision"])
        assert row["recall"] == pytest.approx(expected["recall"])
        assert row["f1"] == pytest.approx(expected["f1-score"])
        assert row["support"] == expected["support"]
    assert figures["macro"]["f1"] == pytest.approx(report["macro avg"]["f1-score"])


def test_every_answer_is_on_record(colour_model, colours, answer, tmp_path):
    evaluate(colour_model, colours, batch_size=3, predictions=tmp_path / "predictions.csv")

    rows = list(csv.DictReader((tmp_path / "predictions.csv").read_text().splitlines()))
    assert list(rows[0]) == ["path", "label", "predicted", "probability", "loss"]
    assert [row["path"] for row in rows] == [
        "test/blue/0.png",
        "test/blue/1.png",
        "test/green/0.png",
        "test/green/1.png",
        "test/red/0.png",
        "test/red/1.png",
        "test/red/2.png",
    ]
    mistake = rows[5]
    assert (mistake["label"], mistake["predicted"]) == ("red", "blue")
    expected = answer((0, 0, 250))
    assert float(mistake["probability"]) == pytest.approx(expected["blue"], abs=1e-5)
    assert float(mistake["loss"]) == pytest.approx(-math.log(expected["red"]), abs=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colours", "predictions.csv"]


def test_a_split_is_chosen_and_all_is_all(colour_model, colours):
    assert evaluate(colour_model, colours, split="val")["pictures"] == 3
    assert evaluate(colour_model, colours, split="all")["pictures"] == 13


def test_progress_is_told_up_to_the_end(colour_model, colours):
    told = []
    evaluate(
        colour_model, colours, batch_size=3, progress=lambda done, total: told.append((done, total))
    )

    assert told == [(3, 7), (6, 7), (7, 7)]


def test_a_picture_that_does_not_decode_is_named_and_left_out(colour_model, colours):
    for index in range(120):
        Image.new("RGB", (8, 8), "red").save(colours / f"test/red/more{index}.png")
    whole = (colours / "test/red/0.png").read_bytes()
    (colours / "test/red/0.png").write_bytes(whole[: len(whole) // 2])

    figures = evaluate(colour_model, colours)

    assert figures["pictures"] == 126
    assert list(figures["unreadable"]) == ["test/red/0.png"]
    assert figures["unreadable"]["test/red/0.png"].startswith("PNG that cannot be decoded (")


def test_too_many_pictures_that_do_not_decode_end_it(colour_model, colours, tmp_path):
    whole = (colours / "test/red/0.png").read_bytes()
    (colours / "test/red/0.png").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataError, match=r"1 of 7 pictures cannot be decoded, at most 0 may be"):
        evaluate(colour_model, colours, predictions=tmp_path / "predictions.csv")

    assert [path.name for path in tmp_path.iterdir()] == ["colours"]


def test_classes_that_differ_are_said(colour_model, colours):
    for split in ("train", "val", "test"):
        (colours / split / "red").rename(colours / split / "violet")

    with pytest.raises(DataError) as error:
        evaluate(colour_model, colours)

    assert str(error.value) == (
        f"the classes of model (3) and data (3) differ: {colours} lacks red; "
        "the model does not know violet\n"
        "  hint: give data with one folder for each class of the model: blue, green, red"
    )


def test_an_empty_split_is_said(colour_model, colours):
    shutil.rmtree(colours / "train")
    shutil.rmtree(colours / "val")

    with pytest.raises(DataError) as error:
        evaluate(colour_model, colours, split="val")

    assert str(error.value) == (
        f"{colours} has no pictures in split 'val'\n  hint: there are: test"
    )
