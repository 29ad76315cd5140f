"""`image-data-generator` against the ImageDataGenerator of the installed Keras."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from zoo_augment.generator import image_data_generator

from zoo.engine.augment import compile, generator, whitening
from zoo.errors import PolicyError
from zoo.transform import Choice, Rotate, Shift, Zoom

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import tensorflow as tf

    ImageDataGenerator = tf.keras.preprocessing.image.ImageDataGenerator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FULL = {
    "rotation_range": 30.0,
    "shear_range": 5.0,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "vertical_flip": True,
}
SHIFTS = {
    "shares": ("0.2", "0.1"),
    "pixels": ("3.0", "2.5"),
    "whole pixels": ("3", "4"),
    "one pixel": ("1.0", "1"),
    "listed": ("1,4,6", "0.1,0.3"),
}


def _pictures(count, height, width):
    return np.random.default_rng(3).integers(0, 256, (count, height, width, 3)).astype(np.float32)


def _as_keras(text):
    numbers = [float(each) if "." in each else int(each) for each in text.split(",")]
    return numbers if len(numbers) > 1 else numbers[0]


def _both(options, width_shift="0.2", height_shift="0.1"):
    """Keras's generator, and our plan of the same options."""
    ours = dict(options)
    ours["zoom_range"] = (ours.get("zoom_range", 0.0),)
    transforms = image_data_generator(
        **ours,
        width_shift_range=tuple(width_shift.split(",")),
        height_shift_range=tuple(height_shift.split(",")),
        compat="keras",
    )
    theirs = ImageDataGenerator(
        **{key: value for key, value in options.items() if key not in ("mean", "std")},
        width_shift_range=_as_keras(width_shift),
        height_shift_range=_as_keras(height_shift),
    )
    return theirs, compile(transforms)


@pytest.mark.parametrize("shifts", SHIFTS)
def test_the_draws_are_keras_own(shifts):
    width_shift, height_shift = SHIFTS[shifts]
    options = {**FULL, "channel_shift_range": 20.0, "brightness_range": (0.5, 1.5)}
    theirs, plan = _both(options, width_shift, height_shift)
    for seed in range(60):
        wanted = theirs.get_random_transform((24, 40, 3), seed)
        params = generator.draw(plan, np.random.RandomState(seed))
        drawn = dict(zip((column.name for column in plan.columns), params, strict=True))
        left = drawn["move left"] * (24 if "." in height_shift and params[1] ** 2 < 1
                                     and float(height_shift.split(",")[0]) < 1 else 1)  # fmt: skip
        up = drawn["move up"] * (40 if float(width_shift.split(",")[0]) < 1 else 1)
        assert [drawn["rotate, degrees"], left, up, drawn["shear, degrees"]] == pytest.approx(
            [wanted["theta"], wanted["tx"], wanted["ty"], wanted["shear"]], rel=1e-12
        )
        assert (drawn["zoom, width"], drawn["zoom, height"]) == (wanted["zx"], wanted["zy"])
        assert drawn["flip, horizontal"] == wanted["flip_horizontal"]
        assert drawn["flip, vertical"] == wanted["flip_vertical"]
        assert drawn["channel shift, levels"] == wanted["channel_shift_intensity"]
        assert drawn["brightness"] == wanted["brightness"]


@pytest.mark.parametrize("mode", ["nearest", "reflect", "constant", "wrap"])
@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
def test_the_geometry_is_keras_own(mode, size):
    theirs, plan = _both({**FULL, "fill_mode": mode, "cval": 99.0})
    images = _pictures(64, *size)
    expected, params = [], []
    for seed, image in enumerate(images):
        expected.append(theirs.random_transform(image, seed))
        params.append(generator.draw(plan, np.random.RandomState(seed)))
    np.testing.assert_allclose(plan.render(images, np.stack(params)), expected, atol=2e-3)


def test_the_batches_of_two_passes_are_keras_own():
    """Orders, draws and pixels of flow(), across the end of a pass and a smaller last batch."""
    images = _pictures(10, 16, 20)
    theirs, plan = _both(FULL)
    flow = theirs.flow(images, np.arange(10), batch_size=4, seed=5)
    ours = generator.flow(plan, 10, batch_size=4, seed=5)
    for _ in range(6):
        expected, labels = next(flow)
        indices, params = next(ours)
        np.testing.assert_array_equal(indices, labels)
        np.testing.assert_allclose(plan.render(images[indices], params), expected, atol=2e-3)


def test_the_whole_policy_is_keras_own():
    options = {
        **FULL,
        "channel_shift_range": 20.0,
        "brightness_range": (0.5, 1.5),
        "samplewise_center": True,
        "samplewise_std_normalization": True,
        "fill_mode": "reflect",
    }
    theirs, plan = _both(options)
    images = _pictures(64, 24, 40)
    flow = theirs.flow(images, batch_size=64, seed=1, shuffle=False)
    _, params = next(generator.flow(plan, 64, batch_size=64, seed=1, shuffle=False))
    seen, expected = plan.render(images, params), next(flow)
    apart = np.abs(seen - expected)
    # A last digit can turn the rounding to bytes, by one level: 1/60 of a deviation or so.
    assert np.quantile(apart, 0.9999) < 1e-2
    assert (apart > 1e-2).mean() < 1e-4
    assert apart.max() < 0.1


@pytest.mark.parametrize("kind", ["samplewise", "featurewise"])
def test_dividing_by_deviations_subtracts_means_too_as_keras_has_it(kind):
    images = _pictures(4, 5, 6)
    options = {f"{kind}_std_normalization": True}
    with pytest.warns(UserWarning, match=f"overrides setting of `{kind}_center`"):
        theirs = ImageDataGenerator(**options)
    theirs.fit(images)
    if kind == "featurewise":
        axes = (0, 1, 2)
        options |= {"mean": tuple(images.mean(axes)), "std": tuple(images.std(axes))}
    seen = compile(image_data_generator(**options)).apply(images, 0, 0, np.arange(4))
    expected = next(theirs.flow(images, batch_size=4, shuffle=False))
    np.testing.assert_allclose(seen, expected, atol=1e-4)


def test_no_argument_of_keras_is_unknown():
    asked = inspect.signature(ImageDataGenerator.__init__).parameters.keys() - {"self"}
    own = inspect.signature(image_data_generator).parameters.keys()
    assert own - asked == {"mean", "std", "whitening", "compat"}
    assert asked <= own


def test_the_statistics_of_a_data_set_are_keras_own():
    images = _pictures(12, 5, 6)
    theirs = ImageDataGenerator(
        rescale=1 / 255, featurewise_center=True, featurewise_std_normalization=True
    )
    theirs.fit(images)
    mean, std = (images / 255).mean(axis=(0, 1, 2)), (images / 255).std(axis=(0, 1, 2))
    plan = compile(
        image_data_generator(
            rescale=1 / 255,
            featurewise_center=True,
            featurewise_std_normalization=True,
            mean=tuple(mean.tolist()),
            std=tuple(std.tolist()),
            compat="keras",
        )
    )
    seen = plan.apply(images, 0, 0, np.arange(12))
    expected = next(theirs.flow(images, batch_size=12, shuffle=False))
    np.testing.assert_allclose(seen, expected, atol=1e-4)


def test_whitening_is_keras_own(tmp_path):
    images = _pictures(12, 5, 6)
    theirs = ImageDataGenerator(zca_whitening=True, featurewise_center=True)
    theirs.fit(images)
    mean = images.mean(axis=(0, 1, 2))
    matrix = whitening.fit(images - mean)
    whitening.save(tmp_path / "zca.npz", matrix)
    plan = compile(
        image_data_generator(
            zca_whitening=True,
            mean=tuple(mean.tolist()),
            whitening=str(tmp_path / "zca.npz"),
        )
    )
    seen = plan.apply(images, 0, 0, np.arange(12))
    expected = next(theirs.flow(images, batch_size=12, shuffle=False))
    np.testing.assert_allclose(seen, expected, rtol=1e-2, atol=2e-2)
    # In closed form: of the whitened pictures, the directions that the data has are alike.
    singular = np.linalg.svd(seen.reshape(12, -1), compute_uv=False)
    np.testing.assert_allclose(singular[:11] / np.sqrt(12), 1, atol=1e-3)


def test_without_compat_moves_go_where_their_names_say():
    images = _pictures(40, 9, 13)
    images[:] = np.arange(9)[None, :, None, None] * 20  # rows differ, columns do not
    sideways = compile(image_data_generator(width_shift_range=("0.3",)))
    np.testing.assert_allclose(sideways.apply(images, 0, 0, np.arange(40)), images, atol=1e-2)
    upwards = compile(image_data_generator(height_shift_range=("0.3",)))
    assert np.abs(upwards.apply(images, 0, 0, np.arange(40)) - images).max() > 20
    as_keras = compile(image_data_generator(height_shift_range=("0.3",), compat="keras"))
    np.testing.assert_allclose(as_keras.apply(images, 0, 0, np.arange(40)), images, atol=1e-2)


def test_without_compat_the_centre_of_an_oblong_picture_stays():
    images = np.zeros((1, 9, 13, 3), np.float32)
    images[:, 4, 6] = 200
    for compat, place in (("none", (4, 6)), ("keras", (4, 2))):
        plan = compile(image_data_generator(rotation_range=90.0, compat=compat))
        params = np.zeros((1, len(plan.columns)))
        zooms = [number for number, each in enumerate(plan.columns) if "zoom" in each.name]
        params[:, zooms], params[:, 0] = 1, 90
        seen = plan.render(images, params)[0, ..., 0]
        assert np.unravel_index(seen.argmax(), seen.shape) == place


def test_arguments_are_translated():
    made = image_data_generator(
        rotation_range=20.0,
        width_shift_range=("3",),
        height_shift_range=("0.1",),
        zoom_range=(0.5, 1.5),
    )
    assert made[:5] == [
        Rotate(20.0),
        Shift(Choice((0, 0, 1, -1, 2, -2)), 0.0, "pixels"),
        Shift(0.0, 0.1),
        made[3],
        Zoom(0.5, 1.5),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"zoom_range": (1.5,)},
            "image-data-generator takes a zoom_range from 0 up to but not including 1, or "
            "low,high, received 1.5",
        ),
        (
            {"width_shift_range": ("far",)},
            "image-data-generator takes numbers as width_shift_range, received far",
        ),
        (
            {"featurewise_center": True},
            "image-data-generator needs the data set's mean for featurewise_center\n"
            "  hint: add mean=R,G,B",
        ),
        ({"std": (1.0, 1.0, 1.0)}, "std is of no use without featurewise_std_normalization=true"),
        (
            {"zca_whitening": True, "mean": (0.0, 0.0, 0.0)},
            "image-data-generator needs the whitening matrix for zca_whitening\n"
            "  hint: add whitening=FILE.npz, which zoo.engine.augment.whitening.save wrote",
        ),
        (
            {"preprocessing_function": "preprocess_input"},
            "image-data-generator takes no preprocessing_function, received preprocess_input\n"
            "  hint: a policy is data; a policy of your own is a plugin (zoo plugins new), and "
            "models normalise by themselves",
        ),
        (
            {"validation_split": 0.2},
            "image-data-generator takes no validation_split, received 0.2\n"
            "  hint: zoo train holds pictures out by itself and never augments them; a val/ folder "
            "says which",
        ),
        (
            {"data_format": "channels_first"},
            "image-data-generator takes data_format channels_last, received channels_first\n"
            "  hint: pictures are [N,H,W,3] throughout; transpose yours",
        ),
        (
            {"dtype": "float64"},
            "image-data-generator takes dtype float32, received float64\n"
            "  hint: pictures leave a policy in float32; --dtype of zoo train is the model's "
            "arithmetic",
        ),
        (
            {"interpolation_order": 3},
            "image-data-generator takes interpolation_order 1, received 3\n"
            "  hint: a policy's one warp is bilinear; higher splines leave 0..255",
        ),
        (
            {"zca_epsilon": 1e-3},
            "image-data-generator takes zca_epsilon 1e-06, received 0.001\n"
            "  hint: it is part of the matrix: zoo.engine.augment.whitening.fit(images, "
            "epsilon=0.001)",
        ),
        ({"brightness_range": (1.5, 0.5)}, "Brightness takes a factor from low up to high, "
         "received 1.5 and 0.5"),
    ],
)  # fmt: skip
def test_what_the_generator_does_not_take_is_said(options, message):
    with pytest.raises(PolicyError) as caught:
        image_data_generator(**options)
    assert str(caught.value) == message


def test_a_whitening_that_does_not_fit_is_said(tmp_path):
    with pytest.raises(PolicyError, match="whitening takes pictures of up to 64x64 pixels"):
        whitening.fit(np.zeros((2, 65, 64, 3)))
    whitening.save(tmp_path / "a.npz", np.eye(12))
    with pytest.raises(PolicyError, match="for pictures of 12 numbers, these have 27"):
        whitening.load(str(tmp_path / "a.npz"), (3, 3, 3))
    with pytest.raises(PolicyError, match="no whitening matrix"):
        whitening.load(str(tmp_path / "b.npz"), (3, 3, 3))
