"""`zoo explain`: the sheet, the document, and every wrong call answered before TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys

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
    assert (facts["interpreter"], facts["tap"], facts["scale"]) == ("grad-cam", "stage1", "shared")
    assert facts["sheet"] == "red.png"
    first = facts["pictures"][0]
    assert first["path"] == "colours/test/red/0.png"
    assert (first["class"], first["predicted"], first["label"]) == ("red", "red", "red")
    assert first["map"] == {"shape": [8, 8], "max": pytest.approx(250 / 6400)}


def test_a_name_is_built_with_a_warning(colours, capsys):
    words = ["explain", "small-cnn:width=0.1+linear", "colours/test/red/0.png"]
    assert main(words) == 0
    assert capsys.readouterr().err.startswith(
        "warning: small-cnn:width=0.1+linear has random weights; "
        "its maps say nothing about pictures\n"
    )


WRONG = [
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
        "error: 101 pictures, a sheet holds up to 100\n  hint: give fewer, or several sheets\n"
    )


def test_a_typo_is_answered_without_tensorflow(colour_run, colours):
    code = (
        "import sys; from zoo.cli.main import main;"
        "code = main(['explain', 'run', 'colours/test/red/0.png', '--class', 'rde']);"
        "print(code, {'keras', 'tensorflow', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 set()\n"
