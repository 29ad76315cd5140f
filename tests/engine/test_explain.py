"""Explanations of a model whose maps can be worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.engine import figure, sheet
from zoo.engine.explain import explain
from zoo.errors import DataError, ExplainError, SpecError


def test_a_map_is_what_the_class_adds_at_each_place(colour_model, tmp_path, answer):
    """The logit of red is the mean of the red channel over 64 places, divided by 100."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[2:5, 1:4, 0] = 250
    pixels[6, 6, 2] = 90
    Image.fromarray(pixels).save(tmp_path / "spot.png")

    (found,) = zoo.explain(colour_model, tmp_path / "spot.png")

    assert (found.class_name, found.predicted, found.tap) == ("red", "red", "stage1")
    np.testing.assert_allclose(found.heat, pixels[..., 0] / 100 / 64, rtol=1e-6)
    assert found.heat.dtype == np.float32
    np.testing.assert_array_equal(found.picture, pixels)
    scores = np.exp(pixels.mean((0, 1)) / 100)
    assert found.probability == pytest.approx(scores[0] / scores.sum(), abs=1e-6)
    assert found.document()["map"] == {
        "shape": [8, 8],
        "min": 0.0,
        "max": pytest.approx(250 / 6400),
    }


def test_each_picture_has_its_own_class(colour_model, colours):
    names = [colours / f"test/{name}/0.png" for name in ("red", "green", "blue")]
    predicted = explain(colour_model, names)
    assert [each.class_name for each in predicted] == ["red", "green", "blue"]
    wanted = explain(colour_model, names, targets=["blue", "green", "red"])
    assert [each.class_name for each in wanted] == ["blue", "green", "red"]
    assert [each.predicted for each in wanted] == ["red", "green", "blue"]
    for_all = explain(colour_model, names, targets="green")
    assert [each.class_name for each in for_all] == ["green"] * 3
    # 1.png of red is blue, filed under the wrong class.
    (filed,) = explain(colour_model, colours / "test/red/1.png", targets="true")
    assert (filed.class_name, filed.label, filed.predicted) == ("red", "red", "blue")


def test_a_map_of_nothing_says_so(colour_model, colours):
    (found,) = explain(colour_model, colours / "test/blue/0.png", targets="red")
    np.testing.assert_array_equal(found.heat, np.zeros((8, 8)))
    assert found.note == "all zero: nothing speaks for red"


def test_the_likeliest_few_and_a_lead_are_explained_picture_by_picture(colour_model, colours):
    names = [colours / "test/red/2.png", colours / "test/blue/1.png"]
    few = explain(colour_model, names, targets="top-2", batch_size=1)
    assert [(each.name[-10:], each.class_name) for each in few] == [
        ("/red/2.png", "red"),
        ("/red/2.png", "green"),
        ("blue/1.png", "blue"),
        ("blue/1.png", "green"),
    ]
    lead = explain(colour_model, names, targets=[("red", "green"), ("blue", "green")])
    assert [each.target for each in lead] == ["red, not green", "blue, not green"]
    for each, expected in zip(lead, (120 - 60, 120 - 60), strict=True):
        np.testing.assert_allclose(each.heat, np.full((8, 8), expected / 6400), rtol=1e-5)


def test_a_logit_that_hangs_on_nothing_says_so(colour_model, colours):
    dense = colour_model.get_layer("logits")
    kernel = dense.get_weights()
    dense.set_weights([np.zeros_like(kernel[0])])
    (found,) = explain(colour_model, colours / "test/blue/0.png", targets="red")
    dense.set_weights(kernel)
    assert found.note == "all zero: the score of red does not change with anything at stage1"


def test_batches_do_not_matter(colour_model, colours):
    whole = explain(colour_model, colours / "test")
    parts = explain(colour_model, colours / "test", batch_size=2)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.heat, other.heat)
        assert one.document() == other.document()


def test_arrays_are_explained_like_files(colour_model, colours):
    files = explain(colour_model, colours / "test")
    arrays = explain(colour_model, np.stack([each.picture for each in files]))
    assert [each.name for each in arrays[:2]] == ["picture 0", "picture 1"]
    for one, other in zip(files, arrays, strict=True):
        np.testing.assert_array_equal(one.heat, other.heat)


def test_a_picture_is_shown_in_its_own_proportions(colour_model, tmp_path):
    Image.new("RGB", (3000, 1000), "green").save(tmp_path / "wide.png")
    (found,) = explain(colour_model, tmp_path / "wide.png")
    assert found.picture.shape == (341, 1024, 3)
    assert found.heat.shape == (8, 8)


def test_one_sigmoid_unit_separates_two_classes(tmp_path):
    model = zoo.build("small-cnn:width=0.2+linear", classes=1, input_size=32, seed=0)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    against, towards = (explain(model, pictures, targets=name) for name in ("0", "1"))
    for one, other in zip(against, towards, strict=True):
        assert one.probability + other.probability == pytest.approx(1)
        # What speaks for one class speaks against the other.
        assert not np.any((one.heat > 0) & (other.heat > 0))


def test_an_early_tap_and_a_layer_are_asked_for_by_name(colour_model):
    model = zoo.build("small-cnn:width=0.2+linear", classes=3, input_size=32, seed=0)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    shapes = {}
    for tap in ("stage1", "stage2", "last", "stage2_1_relu"):
        (first, _) = explain(model, pictures, interpreter=f"grad-cam:tap={tap}")
        shapes[first.tap] = first.heat.shape
    assert shapes == {
        "stage1": (16, 16),
        "stage2": (8, 8),
        "stage3": (4, 4),
        "stage2_1_relu": (8, 8),
    }


def test_what_cannot_be_explained_says_why(colour_model, colours):
    picture = colours / "test/red/0.png"
    small = zoo.build("small-cnn:width=0.1+linear", classes=2, input_size=16)
    tiny = keras.Sequential(
        [
            keras.layers.Input((8, 8, 3)),
            keras.layers.Conv2D(2, 3, name="maps"),
            keras.layers.Conv2D(2, 6, name="point"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
            keras.layers.Softmax(),
        ]
    )
    cases = [
        (
            lambda: explain(colour_model, picture, targets="rde"),
            ExplainError,
            "the model has no class 'rde'\n  hint: did you mean red?",
        ),
        (
            lambda: explain(colour_model, picture, targets="top-4"),
            ExplainError,
            "the model has 3 classes, received top-4",
        ),
        (
            lambda: explain(colour_model, picture, targets=("red", "red")),
            ExplainError,
            "red has no lead over itself\n  hint: name two classes",
        ),
        (
            lambda: explain(colour_model, picture, targets="violet"),
            ExplainError,
            "the model has no class 'violet'\n  hint: classes: blue, green, red",
        ),
        (
            lambda: explain(colour_model, [picture, picture], targets=["red"]),
            ExplainError,
            "2 pictures need as many classes, received 1",
        ),
        (
            lambda: explain(colour_model, np.full((1, 8, 8, 3), 9.0), targets="true"),
            ExplainError,
            "the true class of a picture is not known\n"
            "  hint: explain pictures from folders called by their class, or name the class",
        ),
        (
            lambda: explain(small, picture, interpreter="grad-cam:tap=head_pool"),
            ExplainError,
            "tap 'head_pool' gives no map\n"
            "  hint: taps with places: stage1 (8x8), stage2 (4x4), stage3 (2x2), "
            "or the name of a layer that gives a map",
        ),
        (
            lambda: explain(tiny, picture, interpreter="grad-cam:tap=point"),
            ExplainError,
            "tap 'point' is 1x1: it has no places to tell apart\n"
            "  hint: taps with places: maps (6x6), or the name of a layer that gives a map",
        ),
        (
            lambda: explain(colour_model, np.full((1, 8, 8, 3), 0.5)),
            DataError,
            "pictures hold RGB from 0 to 255, received 0.5 to 0.5\n"
            "  hint: the model normalises by itself: give the pixels as they were decoded",
        ),
        (
            lambda: explain(colour_model, np.zeros((8, 8, 3), np.uint8)),
            DataError,
            "pictures come as [N,H,W,3], received shape (8, 8, 3)",
        ),
        (
            lambda: explain(colour_model, picture, interpreter="grad-cam:tab=last"),
            SpecError,
            "grad-cam has no option 'tab'\n"
            "  grad-cam:tab=last\n"
            "           ^\n"
            "  hint: did you mean 'tap'? options: tap",
        ),
    ]
    for use, error, message in cases:
        with pytest.raises(error) as caught:
            use()
        assert str(caught.value) == message


PLUGIN = {
    "registry.toml": """
        schema = 1

        [interpreter.brightness]
        target = "acme_zoo.parts:brightness"

        [interpreter.broken]
        target = "acme_zoo.parts:broken"
    """,
    "parts.py": '''
        import numpy as np


        def brightness(model, images, class_index, *, power: float = 1.0):
            """Mean of the channels."""
            return images.mean(-1) ** power


        def broken(model, images, class_index):
            """Not a number."""
            return np.full(images.shape[:3], np.nan)
    ''',
}


def test_an_interpreter_of_a_stranger_is_used_and_held_to_its_contract(
    install, colour_model, colours
):
    install("acme-zoo", PLUGIN, entry="acme")
    picture = colours / "test/red/2.png"
    (found,) = explain(colour_model, picture, interpreter="acme/brightness:power=2.0")
    np.testing.assert_allclose(found.heat, np.full((8, 8), 60.0**2))
    assert (found.tap, found.interpreter) == ("", "acme/brightness:power=2.0")
    with pytest.raises(ExplainError) as caught:
        explain(colour_model, picture, interpreter="acme/broken")
    assert str(caught.value) == (
        "interpreter acme/broken (acme-zoo 0.3) gave values that are not numbers, "
        "shape (1, 8, 8)\n"
        "  hint: an interpreter gives finite maps [1,h,w]"
    )


def test_a_sheet_has_a_row_for_each_picture(colour_model, colours, tmp_path):
    found = explain(colour_model, colours / "test")
    drawn = figure.draw(found, title="colours")
    one = figure.draw(found[:1], title="colours")
    assert drawn.height - one.height == (len(found) - 1) * (figure.CELL + figure.GAP)
    assert drawn.width == one.width
    path = sheet.save(drawn, tmp_path / "sheet.png")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["sheet.png"]
    with Image.open(path) as again:
        np.testing.assert_array_equal(np.asarray(again), np.asarray(drawn))


def test_a_sheet_shows_the_picture_and_the_map_side_by_side(colour_model, colours):
    found = explain(colour_model, colours / "test/red/0.png")
    drawn = np.asarray(figure.draw(found, title="colours"))
    # The picture's own red fills one cell; the brightest colour of the table fills the map's.
    for pixel in ((250, 0, 0), (252, 255, 164)):
        assert np.all(drawn == pixel, axis=-1).sum() >= figure.CELL**2


def test_words_outside_of_ascii_are_drawn_or_spelt(monkeypatch):
    monkeypatch.setattr(sheet, "SYSTEM_FONTS", ())
    sheet._font_for.cache_clear()
    assert sheet._font_for("Gänseblümchen 花", 20)[1] == "Ganseblumchen ?"
    sheet._font_for.cache_clear()
