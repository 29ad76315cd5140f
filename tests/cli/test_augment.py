"""`zoo augment`: the contact sheet shows what training would see."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from zoo_augment.light import light

from zoo.cli.main import main
from zoo.engine import augment, sheet
from zoo.transform import digest, stored


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
---------  --------------------------------------------------------
rotate     degrees -30 to 30
shift      horizontal -0.1 to 0.1, vertical -0.1 to 0.1, unit share
zoom       low 0.9, high 1.1, proportional False
flip       axis horizontal, probability 0.5
fill       mode nearest, value 0

policy  light:rotation=30.0
hash    HASH
sheet   augmentation.png
""".replace("HASH", digest(light(rotation=30.0)))
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
    plan = augment.compile(light())
    original, *epochs = drawn["rows"][0]
    np.testing.assert_array_equal(original, picture)
    for epoch, seen in enumerate(epochs):
        expected = plan.apply(picture[None], 5, epoch, [0])[0]
        np.testing.assert_array_equal(seen, np.round(expected).astype(np.uint8))


BLANK = Image.new("RGB", (1, 1))


def test_no_policy_leaves_the_picture(picture, monkeypatch, capsys):
    drawn = {}
    monkeypatch.setattr(
        sheet, "contact", lambda rows, **words: drawn.update(rows=rows, **words) or BLANK
    )
    assert main(["augment", "none", "noise.png", "--epochs", "1", "--input-size", "16"]) == 0
    assert capsys.readouterr().out.startswith("no transforms\n")
    for shown in drawn["rows"][0]:
        np.testing.assert_array_equal(shown, picture)
    assert drawn["captions"] == [[["noise.png"], ["as it is"]]]


def test_captions_tell_what_was_drawn_and_histograms_how_often(monkeypatch, capsys):
    drawn = {}
    monkeypatch.setattr(sheet, "contact", lambda rows, **words: drawn.update(words) or BLANK)
    monkeypatch.setattr(sheet, "histograms", lambda often: drawn.update(often=often) or BLANK)
    assert main(["augment", "light:shift=0", "noise.png", "--epochs", "1", "--seed", "4"]) == 0
    plan = augment.compile(light(shift=0.0))
    angle, *_, wide, high, flip = plan.sample(4, 0, [0])[0]
    lines = [f"rotate, degrees: {angle:.3g}", f"zoom, width: {wide:.3g}",
             f"zoom, height: {high:.3g}", *["flip, horizontal"] * int(flip)]  # fmt: skip
    assert drawn["captions"][0][1] == lines
    assert [each[0] for each in drawn["often"]] == [
        "rotate, degrees", "zoom, width", "zoom, height", "flip, horizontal",
    ]  # fmt: skip
    _, values, ends = drawn["often"][0]
    assert ends == (-15, 15)
    assert abs(values.mean()) < 0.5


def test_what_was_drawn_can_be_drawn_again(capsys):
    words = ["augment", "randaugment", "noise.png", "--epochs", "2", "--no-histograms"]
    assert main([*words, "--seed", "9", "--params", "drawn.json", "--out", "first.png"]) == 0
    assert main([*words, "--replay", "drawn.json", "--out", "again.png"]) == 0
    # The subtitle says how they were drawn; the pictures below it are the same.
    first, again = (np.asarray(Image.open(name)) for name in ("first.png", "again.png"))
    below = sheet.MARGIN + sheet.TITLE + sheet.SMALL + 30
    np.testing.assert_array_equal(first[below:], again[below:])
    written = json.loads(Path("drawn.json").read_text())
    assert len(written["params"]) == 2
    assert len(written["params"][0][0]) == len(written["columns"])


def _stored(**changes):
    Path("old.json").write_text(
        json.dumps({**stored(light()), "policy": "light", "params": [[[0] * 6]], **changes})
    )


REPLAYS = {
    "other": (
        lambda: _stored(**stored(light(rotation=3.0)), policy="light:rotation=3.0"),
        "old.json was drawn for light:rotation=3.0, whose transforms are others\n"
        "  hint: give that policy, with the same options",
    ),
    "newer": (
        lambda: _stored(version=2),
        "the policy was stored in version 2, this zoo reads version 1\n"
        "  hint: install a newer keras-zoo",
    ),
    "altered": (
        lambda: _stored(hash="00"),
        f"the policy's hash is '00', its transforms have '{digest(light())[:12]}': one of them was "
        "altered",
    ),
    "more": (
        lambda: _stored(params=[[[0] * 6] * 3]),
        "old.json holds draws for 3 pictures, received 1\n"
        "  hint: give the same pictures, in the same order",
    ),
    "no numbers": (
        lambda: _stored(params=[[[float("nan")] * 6]]),
        "old.json holds draws that are no finite numbers, 6 for each picture",
    ),
    "fewer numbers": (
        lambda: _stored(params=[[[0] * 5]]),
        "old.json holds draws that are no finite numbers, 6 for each picture",
    ),
    "words": (
        lambda: _stored(params=[[["left"] * 6]]),
        "old.json holds draws that are no finite numbers, 6 for each picture",
    ),
    "not in lists": (
        lambda: _stored(params=[3]),
        "old.json holds no drawn parameters\n  hint: zoo augment --params writes them",
    ),
    "no version": (
        lambda: Path("old.json").write_text(json.dumps({"params": [[]], "transforms": []})),
        "a stored policy has version, transforms and hash, this one lacks hash and version",
    ),
    "none": (
        lambda: Path("old.json").write_text("{}"),
        "old.json holds no drawn parameters\n  hint: zoo augment --params writes them",
    ),
}


@pytest.mark.parametrize("case", REPLAYS)
def test_what_cannot_be_replayed_is_said(case, capsys):
    make, message = REPLAYS[case]
    make()
    assert main(["augment", "light", "noise.png", "--replay", "old.json"]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


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
