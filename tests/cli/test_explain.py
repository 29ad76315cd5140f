"""`zoo explain`: the sheet, the document, and every wrong call answered before TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.cli.main import main


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_sheet_is_drawn_and_told(colour_run, colours, tmp_path, capsys):
    words = ["explain", "run", "colours/test/red/0.png", "colours/test/red/1.png"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert told.out == (
        """\
picture                 class explained  probability
----------------------  ---------------  -----------
colours/test/red/0.png  red                   85.9 %
colours/test/red/1.png  blue                  85.9 %

interpreter  grad-cam
tap          stage1
sheet        explanation.png
"""
    )
    assert told.err.startswith("device: ")
    with Image.open("explanation.png") as sheet:
        assert sheet.format == "PNG"


def test_another_class_than_the_predicted_is_told_apart(colour_run, colours, capsys):
    assert main(["explain", "run", "colours/test/blue/0.png", "--class", "red"]) == 0
    assert capsys.readouterr().out == (
        """\
picture                  class explained  probability  predicted  note
-----------------------  ---------------  -----------  ---------  --------------------------------
colours/test/blue/0.png  red                    7.1 %  blue       all zero: nothing speaks for red

interpreter  grad-cam
tap          stage1
sheet        explanation.png
"""
    )


def test_json_is_one_document(colour_run, colours, capsys):
    words = ["explain", "run", "colours/test/red", "--out", "red.png", "--shared-scale", "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["spec"] == "colour+mean"
    assert (facts["interpreters"], facts["scale"]) == (["grad-cam"], "shared")
    assert facts["sheet"] == "red.png"
    first = facts["pictures"][0]
    assert first["path"] == "colours/test/red/0.png"
    assert (first["class"], first["predicted"], first["label"]) == ("red", "red", "red")
    assert (first["interpreter"], first["tap"], first["score"]) == ("grad-cam", "stage1", "logit")
    value = pytest.approx(250 / 6400)
    assert first["map"] == {"shape": [8, 8], "min": value, "max": value}


def test_a_name_is_built_with_a_warning(colours, capsys):
    words = ["explain", "small-cnn:width=0.1+linear", "colours/test/red/0.png"]
    assert main(words) == 0
    warning = "has random weights; its maps say nothing about pictures\n"
    assert f"warning: small-cnn:width=0.1+linear {warning}" in capsys.readouterr().err


def test_a_name_comes_with_the_classifier_of_its_weights(colours, capsys):
    words = ["explain", "small-cnn@shapes+linear", "colours/test/red/0.png", "--class", "star"]
    assert main([*words, "--interpreter", "guided-backprop", "--json"]) == 0
    told = capsys.readouterr()
    assert "random weights" not in told.err
    assert (
        "caution: guided-backprop: its maps hardly change when the weights are replaced by random "
        "ones\n"
    ) in told.err
    (row,) = json.loads(told.out)["pictures"]
    assert row["class"] == "star"


def test_a_picture_without_a_mask_is_named(colour_run, colours, capsys):
    assert main(["explain", "run", "colours/test/red/0.png", "--score", "--masks", "run"]) == 2
    assert capsys.readouterr().err.endswith(
        "error: run holds no mask for colours/test/red/0.png\n"
        "  hint: a mask lies under the picture's own path: run/red/0.png\n"
    )


def test_scores_are_a_row_for_each_interpreter(colour_run, colours, capsys):
    words = ["explain", "run", "colours/test/red", "--interpreter", "grad-cam"]
    words += ["--interpreter", "input-x-gradient", "--score"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.startswith("interpreter ")
    assert "rank correlation" in told
    assert told.endswith(
        "means over 3 pictures with intervals of 95 %; ms are milliseconds a picture\n"
    )
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    cam, pixels = facts["methods"]
    # The model is linear in the picture, whose mean colour is black: the values add up.
    assert pixels["scores"]["incompleteness"]["mean"] < 1e-5
    assert "incompleteness" not in cam["scores"]
    assert facts["agreement"]["grad-cam"]["grad-cam"] == pytest.approx(1)
    assert not Path("explanation.png").exists()


def test_several_interpreters_and_classes_stand_side_by_side(colour_run, colours, capsys):
    words = ["explain", "run", "colours/test/red/0.png", "--class", "red", "--class", "green"]
    words += ["--interpreter", "grad-cam", "--interpreter", "input-x-gradient"]
    assert main([*words, "--page", "page.html", "--maps", "maps", "--alpha", "0.7"]) == 0
    assert capsys.readouterr().out == (
        """\
picture                 class explained  probability  predicted  interpreter       note
----------------------  ---------------  -----------  ---------  ----------------  ----------------------------------
colours/test/red/0.png  red                   85.9 %             grad-cam
colours/test/red/0.png  red                   85.9 %             input-x-gradient
colours/test/red/0.png  green                  7.1 %  red        grad-cam          all zero: nothing speaks for green
colours/test/red/0.png  green                  7.1 %  red        input-x-gradient  all zero: nothing speaks for green

interpreter  grad-cam, input-x-gradient
tap          stage1
sheet        explanation.png
page         page.html
maps         maps
"""  # noqa: E501
    )
    files = sorted(path.name for path in Path("maps").iterdir())
    assert files[1] == "00001-0-red-input-x-gradient.npy"
    np.testing.assert_allclose(np.load(f"maps/{files[0]}"), np.full((8, 8), 250 / 6400), rtol=1e-6)
    rows = [json.loads(line) for line in Path("maps/maps.jsonl").read_text().splitlines()]
    assert [row["file"] for row in rows] == files[:4]
    page = Path("page.html").read_text()
    assert page.count("<figure>") == 4
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_shows_the_worst_error_first(colour_run, colours):
    assert main(["explain", "run", "colours/test/red", "--page", "page.html"]) == 0
    page = Path("page.html").read_text()
    order = [page.index(f"colours/test/red/{name}.png") for name in (1, 2, 0)]
    assert order == sorted(order)
    assert "only the 1 mistake<" in page
    assert page.count('class="alarm">labelled red') == 1


def test_the_lead_over_another_class_is_explained(colour_run, colours, capsys):
    words = ["explain", "run", "colours/test/red/2.png", "--class", "red", "--against", "green"]
    assert main([*words, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["pictures"]
    assert (row["class"], row["against"]) == ("red", "green")
    # 120 of red less 60 of green, over 100 and 64 places.
    assert row["map"]["max"] == pytest.approx(60 / 6400)


def test_more_than_a_sheet_holds_goes_to_a_page(colour_run, tmp_path, capsys):
    (tmp_path / "many").mkdir()
    for number in range(101):
        Image.new("RGB", (1, 1)).save(tmp_path / f"many/{number}.png")
    assert main(["explain", "run", "many", "--page", "page.html", "--json"]) == 0
    told = capsys.readouterr()
    assert "no sheet: 101 rows, it holds up to 100\n" in told.err
    assert json.loads(told.out)["sheet"] is None
    assert Path("page.html").read_text().count("<article") == 101


WRONG = [
    (["run", "colours/test/red/0.png", "--masks", "colours"],
     "--masks says where the evidence is, for scores\n  hint: add --score"),
    (["run", "colours/test/red/0.png", "--score", "--top", "2"],
     "scores are of one class a picture\n  hint: leave --top and --against out"),
    (["run", "colours/test/red/0.png", "--class", "red", "--top", "2"],
     "--class and --top both say which class to explain\n  hint: give one"),
    (["run", "colours/test/red/0.png", "--against", "red"],
     "--against needs the class whose lead it is\n  hint: add --class NAME"),
    (["run", "colours/test/red/0.png", "--page", "page.png"],
     "page.png is no name for a page\n  hint: let it end in .html"),
    (["run", "colours/test/red/0.png", "--maps", "colours"],
     "colours is in use\n  hint: give a folder that does not exist yet"),
    (["run", "colours/test/red/0.png", "--class", "rde"],
     "the model has no class 'rde'\n  hint: did you mean red?"),
    (["run", "colours/test/red/0.png", "--interpreter", "grad-cam:tap=stage9"],
     "the model has no tap or layer 'stage9'\n  hint: did you mean stage1, same?"),
    (["run", "colours/test/red/0.png", "--interpreter", "gradcam"],
     "no interpreter named 'gradcam'\n  gradcam\n  ^\n  hint: did you mean grad-cam?"),
    (["run", "rose.jpg"],
     "rose.jpg does not exist\n  hint: give picture files or folders"),
    (["run", "note.txt"],
     "note.txt: no picture; read are JPEG, PNG, GIF, BMP, WEBP and TIFF"),
    (["runs/x", "colours/test/red/0.png"],
     "runs/x does not exist\n  hint: give the folder of a run, or a .keras file"),
    (["smal-cnn+linear", "colours/test/red/0.png"],
     "no backbone named 'smal-cnn'\n  smal-cnn+linear\n  ^\n  hint: did you mean small-cnn?"),
    (["run", "colours/test/red/0.png", "--out", "sheet.jpg"],
     "sheet.jpg is no name for a sheet\n  hint: let it end in .png"),
    (["run", "colours/test/red/0.png", "--out", "no/sheet.png"],
     "the folder no does not exist\n  hint: make it first"),
    (["run", "colours/test/red/0.png", "--out", "colours/test/red/0.png"],
     "colours/test/red/0.png is one of the pictures\n  hint: choose another name"),
    (["run", "colours/test/red/0.png", "--device", "gpuu"],
     "no device called 'gpuu'; devices are cpu, gpu:0, gpu:1 ..."),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_a_wrong_call_is_answered_in_words(words, message, colour_run, colours, tmp_path, capsys):
    (tmp_path / "note.txt").write_text("a note")
    before = sorted(tmp_path.rglob("*"))
    assert main(["explain", *words]) == 2
    told = capsys.readouterr()
    assert told.err == f"error: {message}\n"
    assert told.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sheet_has_an_end(colour_run, tmp_path, capsys):
    (tmp_path / "many").mkdir()
    for number in range(101):
        Image.new("RGB", (1, 1)).save(tmp_path / f"many/{number}.png")
    assert main(["explain", "run", "many"]) == 2
    assert capsys.readouterr().err == (
        "error: 101 rows, a sheet holds up to 100\n"
        "  hint: give fewer pictures, or --page or --maps, which hold any number\n"
    )


def test_a_typo_is_answered_without_tensorflow(colour_run, colours):
    code = (
        "import sys; from zoo.cli.main import main;"
        "code = main(['explain', 'run', 'colours/test/red/0.png', '--class', 'rde']);"
        "print(code, {'keras', 'tensorflow', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 set()\n"
