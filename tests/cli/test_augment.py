"""`zoo augment`: the contact sheet shows what training would see."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from zoo.cli.main import main
from zoo.engine import augment, sheet


@pytest.fixture(autouse=True)
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save("noise.png")
    return pixels


def test_a_sheet_is_drawn_and_told(capsys):
    assert main(["augment", "light:rotation=30", "noise.png", "--epochs", "2"]) == 0
    assert capsys.readouterr().out == (
        """\
transform  range
---------  ----------------------------------------
rotate     degrees 30.0
shift      horizontal 0.1, vertical 0.1, unit share
zoom       low 0.9, high 1.1, proportional False
flip       axis horizontal, probability 0.5
fill       mode nearest, value 0.0

policy  light:rotation=30.0
sheet   augmentation.png
"""
    )


def test_the_sheet_shows_what_training_sees(picture, monkeypatch, capsys):
    drawn = {}
    monkeypatch.setattr(
        sheet, "contact", lambda rows, **words: drawn.update(rows=rows) or Image.new("RGB", (1, 1))
    )
    words = ["augment", "light", "noise.png", "--epochs", "3", "--seed", "5", "--input-size", "16"]
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["transforms"][3] == {
        "transform": "flip",
        "axis": "horizontal",
        "probability": 0.5,
    }
    from zoo_augment.light import light

    plan = augment.compile(light())
    original, *epochs = drawn["rows"][0]
    np.testing.assert_array_equal(original, picture)
    for epoch, seen in enumerate(epochs):
        expected = plan.apply(picture[None], 5, epoch, [0])[0]
        np.testing.assert_array_equal(seen, np.round(expected).astype(np.uint8))


def test_no_policy_leaves_the_picture(picture, capsys):
    words = ["augment", "none", "noise.png", "--epochs", "1", "--input-size", "16"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("no transforms\n")
    shown = np.asarray(Image.open("augmentation.png"))
    side, gap = 220, 12
    top = shown.shape[0] - sheet.MARGIN - side
    left = sheet.MARGIN
    first = shown[top : top + side, left : left + side]
    second = shown[top : top + side, left + side + gap : left + 2 * side + gap]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, sheet.fitted(picture, side))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["lihgt", "noise.png"],
            "no policy named 'lihgt'\n  lihgt\n  ^\n  hint: did you mean light?",
        ),
        (
            ["light:shift=3", "noise.png"],
            "Shift takes a horizontal share of the picture's width between 0 and 1, received 3.0",
        ),
        (["light", "none.png"], "none.png does not exist\n  hint: give picture files or folders"),
        (
            ["light", "noise.png", "--out", "noise.png"],
            "noise.png is one of the pictures\n  hint: choose another name",
        ),
        (
            ["light", "noise.png", "--input-size", "0"],
            "an input size is from 1 to 4096 pixels, received 0",
        ),
    ],
)
def test_a_wrong_call_is_answered_in_words(words, message, capsys):
    assert main(["augment", *words]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
