from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image
from zoo_augment.courses import tiny_imagenet

from zoo.engine import picture
from zoo.engine import predict as prediction
from zoo.engine.augment import compile
from zoo.engine.picture import find
from zoo.engine.predict import predict
from zoo.errors import DataError, ModelError, PolicyError


def test_probabilities_are_those_worked_out_by_hand(colour_model, colours, answer):
    first, second = predict(
        colour_model, [colours / "test/red/0.png", colours / "test/green/1.png"]
    )

    expected = answer((250, 0, 0))
    assert first["path"] == str(colours / "test/red/0.png")
    assert first["class"] == "red"
    assert first["probability"] == pytest.approx(expected["red"], abs=1e-6)
    assert [each["class"] for each in first["top"]] == ["red", "blue", "green"]
    assert [each["probability"] for each in first["top"]] == pytest.approx(
        [expected["red"], expected["blue"], expected["green"]], abs=1e-6
    )
    assert second["class"] == "green"
    assert second["probability"] == pytest.approx(answer((60, 120, 60))["green"], abs=1e-6)


def test_the_size_of_batches_changes_nothing(colour_model, colours):
    whole = predict(colour_model, colours, batch_size=64)
    parts = predict(colour_model, colours, batch_size=2)

    assert len(whole) == 13
    assert [each["path"] for each in parts] == [each["path"] for each in whole]
    assert [each["probability"] for each in parts] == pytest.approx(
        [each["probability"] for each in whole], abs=1e-6
    )


def test_top_limits_how_many_classes_are_named(colour_model, colours):
    (record,) = predict(colour_model, colours / "test/red/2.png", top=2)

    assert [each["class"] for each in record["top"]] == ["red", "green"]


def test_an_unreadable_picture_is_named_in_its_place(colour_model, colours):
    whole = (colours / "test/red/0.png").read_bytes()
    (colours / "test/red/1.png").write_bytes(whole[: len(whole) // 2])

    records = predict(colour_model, colours / "test/red", batch_size=2)

    assert [record.get("class") for record in records] == ["red", None, "red"]
    broken = records[1]
    assert set(broken) == {"path", "error"}
    assert broken["path"].endswith("test/red/1.png")
    assert broken["error"].startswith("PNG that cannot be decoded (")


def test_a_whole_batch_of_unreadable_pictures_is_named_too(colour_model, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "d.png")

    records = predict(colour_model, tmp_path, batch_size=2)

    reason = "an empty file; read are JPEG, PNG, GIF, BMP, WEBP and TIFF"
    assert [record.get("error") for record in records] == [reason] * 3 + [None]
    assert records[3]["class"] == "red"


def test_records_come_before_all_pictures_are_read(colour_model, colours, monkeypatch):
    decoded = []
    load = prediction.data.picture.load
    monkeypatch.setattr(
        prediction.data.picture, "load", lambda *a: decoded.append(a[0]) or load(*a)
    )
    paths = [colours / "test/red/0.png"] * 2000

    records = prediction.records(colour_model, paths, batch_size=4)
    first = next(records)
    records.close()

    assert first["class"] == "red"
    assert len(decoded) < 1000


def test_one_sigmoid_output_is_spread_over_two_classes(tmp_path):
    image = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(image, dense(mean))
    dense.set_weights([np.zeros((3, 1)), np.ones(1)])
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    (record,) = predict(model, tmp_path)

    # sigmoid(1) = 0.731059
    assert record["class"] == "1"
    assert record["probability"] == pytest.approx(0.7310586, abs=1e-6)
    assert record["top"][1] == {"class": "0", "probability": pytest.approx(0.2689414, abs=1e-6)}


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (
            [3.0, -2.0],
            "the model's answers reach from -2 to 3; probabilities are expected\n"
            "  hint: end the model in softmax or sigmoid",
        ),
        (
            [float("nan"), 0.5],
            "the model answers with probabilities that are not numbers (NaN or infinite)\n"
            "  hint: its weights diverged in training; lower the learning rate and train again",
        ),
    ],
)
def test_answers_that_are_no_probabilities_are_refused(bias, message, tmp_path):
    image = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(2)
    model = keras.Model(image, dense(keras.layers.GlobalAveragePooling2D()(image)))
    dense.set_weights([np.zeros((3, 2)), np.array(bias)])
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    with pytest.raises(ModelError) as error:
        predict(model, tmp_path)

    assert str(error.value) == message


def test_a_folder_is_searched_for_pictures_and_what_is_called_so(colours):
    (colours / "test/notes.txt").write_text("no picture")
    (colours / "test/.hidden.png").write_bytes(b"")
    (colours / "test/picture").write_bytes((colours / "test/red/0.png").read_bytes())
    (colours / "test/empty.jpg").write_bytes(b"")

    names = [path.relative_to(colours / "test").as_posix() for path in find(colours / "test")]

    assert names == [
        "blue/0.png",
        "blue/1.png",
        "empty.jpg",
        "green/0.png",
        "green/1.png",
        "picture",
        "red/0.png",
        "red/1.png",
        "red/2.png",
    ]


def test_paths_that_do_not_exist_or_hold_nothing_are_said(tmp_path):
    with pytest.raises(DataError) as missing:
        find(tmp_path / "rose.jpg")
    with pytest.raises(DataError) as empty:
        find(tmp_path)

    assert str(missing.value) == (
        f"{tmp_path / 'rose.jpg'} does not exist\n  hint: give picture files or folders"
    )
    assert str(empty.value) == (
        f"no picture found in {tmp_path}\n  hint: read are JPEG, PNG, GIF, BMP, WEBP and TIFF"
    )


def test_views_are_averaged(colour_model, colours):
    """The mean of the answers to the picture and to the views that the policy draws."""
    path = colours / "test/red/0.png"
    (record,) = predict(colour_model, path, tta="tiny-imagenet:occlusion=1:n=4", top=3)

    image = picture.load(path, colour_model.input.shape[1:3])
    plan = compile(tiny_imagenet(occlusion=1))
    seen = [image[None], *(plan.apply(image[None], 0, view, [0]) for view in (1, 2, 3))]
    expected = np.mean([prediction.probabilities(colour_model, each)[0] for each in seen], axis=0)
    given = [each["probability"] for each in record["top"]]
    assert given == pytest.approx(sorted(expected.tolist(), reverse=True), abs=1e-5)
    (alone,) = predict(colour_model, path)
    assert alone["probability"] != record["probability"]


@pytest.mark.parametrize(
    ("tta", "message"),
    [
        (
            "light",
            "--tta takes a policy and a number of views from 2 to 64, received 'light'\n"
            "  hint: write light:n=8",
        ),
        ("mixup:n=4", "mixup mixes pictures, which leaves no answer for any one of them"),
        (
            "tiny-imagenet:center=true:n=4",
            "the policy takes pictures out of 0..255, where a model expects them and pictures "
            "that are not augmented stay\n"
            "  hint: leave normalisation to the model, which does it by itself",
        ),
    ],
)
def test_views_that_cannot_be_are_refused(colour_model, colours, tta, message):
    with pytest.raises(PolicyError) as caught:
        predict(colour_model, colours / "test/red/0.png", tta=tta)
    assert str(caught.value) == message
