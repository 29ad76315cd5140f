"""Random parts in training, the centre everywhere else, as stored with the run."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import recipe as recipes
from zoo import registry
from zoo.engine import anatomy, augment, data, features, feed, folder
from zoo.engine.assemble import assemble
from zoo.errors import ModelError, PolicyError
from zoo.transform import Crop, Fill, Resize, Rotate

SPEC = "small-cnn:width=0.05+linear"
LEG = recipes.Phase(name="all", train="all", epochs=1, learning_rate=0.01, batch_size=8)
NOTHING_ELSE = (
    "tiny-imagenet:rotation=0:shift=0:shear=0:zoom=0:flip=false:brightness=0:gamma_low=1"
    ":gamma_high=1:occlusion=1"
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty of 24 x 24 pixels; each pixel's red and green say where it is, blue the picture."""
    root = tmp_path_factory.mktemp("set") / "places"
    place = np.stack(np.meshgrid(np.arange(24), np.arange(24), indexing="ij"), axis=-1) * 10
    for number in range(40):
        pixels = np.concatenate([place, np.full((24, 24, 1), 6 * number)], axis=-1)
        path = root / ("even", "odd")[number % 2]
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path / f"{number:02}.png")
    return root


def built(crop_from: int | None = 24) -> keras.Model:
    known = registry.load()
    resolved = known.resolve(known.parse(SPEC))
    return assemble(resolved, classes=["even", "odd"], input_size=16, crop_from=crop_from, seed=0)


def batches(model, pictures, transforms, **given):
    """A whole epoch of what is trained on, and all that is validated with."""
    read = folder.read(pictures)
    train, val = read.split("train"), read.split("val")
    cover = anatomy.of(model).preprocessing.get("cover")
    source = feed.pictures(
        model, LEG, train, val, policy=augment.for_training(transforms, (16, 16), cover),
        weights=None, seed=3, unreadable=(data.Unreadable(40, 0), data.Unreadable(40, 0)), **given,
    )  # fmt: skip
    steps = -(-len(train) // LEG.batch_size)
    seen = [batch[0] for batch in source.train(0).take(steps)]
    return train, source, seen, np.concatenate([each.numpy() for each, _ in source.val])


def corners(images: np.ndarray) -> np.ndarray:
    """Where the first pixel of each was; asserts that the rest follows it."""
    first = images[:, 0, 0, :2]
    place = np.stack(np.meshgrid(np.arange(16), np.arange(16), indexing="ij"), axis=-1) * 10
    np.testing.assert_allclose(images[..., :2], first[:, None, None] + place, atol=1e-3)
    return np.rint(first / 10).astype(int)


@pytest.mark.parametrize("in_step", [False, True])
def test_training_sees_any_part_and_validation_the_centre(pictures, in_step):
    train, source, seen, val = batches(built(), pictures, [Crop(16, 16)], in_step=in_step)
    assert np.all(corners(val) == 4)
    if in_step:
        seen = [keras.ops.convert_to_numpy(source.policy.on_device(*each)) for each in seen]
    images = np.concatenate([np.asarray(each) for each in seen])
    places = corners(images)
    assert places.min() == 0
    assert places.max() == 8
    # Each where its own draw says; blue tells which picture it is.
    plan = augment.compile([Crop(16, 16)])
    named = [int(sample.path.stem) for sample in train]
    order = [named.index(int(number)) for number in np.rint(images[:, 0, 0, 2] / 6)]
    left, top = plan.sample(3, 0, np.array(order)).T
    np.testing.assert_array_equal(places, np.stack([np.floor(top * 9), np.floor(left * 9)], 1))


def test_what_does_not_crop_sees_the_centre(pictures):
    _, _, seen, val = batches(built(), pictures, [Rotate(0), Fill("reflect")])
    assert np.all(corners(np.concatenate([np.asarray(each) for each in seen])) == 4)
    assert np.all(corners(val) == 4)


@pytest.mark.parametrize(
    ("transform", "cover", "message"),
    [
        (
            Crop(12, 12),
            None,
            "the policy gives pictures of 12x12, the model takes 16x16\n"
            "  hint: train with --input-size 12x12 --crop-from 16x16, or with other options of the "
            "policy",
        ),
        (
            Resize(20, 20),
            [24, 24],
            "the policy gives pictures of 20x20, the model takes 16x16\n"
            "  hint: train with --input-size 20x20, or with other options of the policy",
        ),
        (
            Crop(28, 28),
            [24, 24],
            "Crop takes 28x28 pixels with a padding of 0 out of pictures of 24x24\n"
            "  hint: make the crop smaller, or the pictures larger",
        ),
    ],
)
def test_what_gives_other_pictures_is_refused(transform, cover, message):
    with pytest.raises(PolicyError) as caught:
        augment.for_training([transform], (16, 16), cover)
    assert str(caught.value) == message


def test_stored_features_are_of_the_same_parts(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    model, read = built(), folder.read(pictures).split("train")
    transforms = [Crop(16, 16)]
    source = features.Source(model, model.get_layer("normalize").output, transforms, seed=3)
    rows = features.extract(source, read, view=2).gather(np.arange(len(read)))
    plan = augment.compile(transforms)
    whole = np.stack([np.asarray(Image.open(sample.path)) for sample in read])
    expected = plan.apply(whole, 3, 2, np.arange(len(read))) / 127.5 - 1
    np.testing.assert_allclose(rows, expected, atol=1e-3)


def test_a_run_keeps_it(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "CACHE_BYTES", 0)  # so that the disk cache is used
    chosen = recipes.Recipe(name="quick", phases=(LEG.model_copy(update={"policy": None}),))
    made = zoo.train(
        SPEC, pictures, out=tmp_path / "run", recipe=chosen, input_size=16, crop_from=24,
        policy=f"{NOTHING_ELSE}:crop=16", disk_cache=True, quiet=True,
    )  # fmt: skip
    stored = made.facts["preprocessing"]
    assert (stored["resize"], stored["cover"], stored["crop"]) == ("cover", [24, 24], "center")
    model, path = zoo.load(made.path), sorted(pictures.rglob("*.png"))[5]
    (answer,) = zoo.predict(made.path, [path])
    centre = np.asarray(Image.open(path))[None, 4:20, 4:20]
    expected = model.predict(centre.astype(np.float32), verbose=0).max()
    assert answer["top"][0]["probability"] == pytest.approx(expected, rel=1e-5)


def test_a_model_that_does_not_fit_in_is_refused():
    with pytest.raises(ModelError) as caught:
        built(12)
    assert str(caught.value) == (
        "pictures of 16x16 cannot be cut out of 12x12\n"
        "  hint: --crop-from takes 16x16 up to 4096 pixels"
    )
