"""The warp against scipy, and against what cannot be argued with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from zoo.engine.augment import compile, oracle
from zoo.errors import PolicyError
from zoo.transform import (
    Crop,
    Fill,
    Flip,
    Perspective,
    Resize,
    ResizedCrop,
    Rotate,
    Shear,
    Shift,
    Skew,
    Sometimes,
    Zoom,
)

from .every import MODES, pictures

EVERYTHING = [Rotate(40), Shift(0.3, 0.2), Shear(15), Zoom(0.7, 1.4), Flip(), Flip("vertical")]


def _by_scipy(image: np.ndarray, matrix: np.ndarray, fill: Fill) -> np.ndarray:
    """Scipy speaks of (row, column); our matrices of (x, y)."""
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    channels = [
        ndimage.affine_transform(
            image[..., channel].astype(np.float64),
            swap @ matrix @ swap,
            order=1,
            mode=fill.mode,
            cval=fill.value,
        )
        for channel in range(3)
    ]
    return np.stack(channels, axis=-1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(12, 12), (9, 13)])
def test_the_warp_is_that_of_scipy(mode, size):
    fill = Fill(mode, value=99.0)
    plan = compile([*EVERYTHING, fill])
    images = pictures(32, *size).astype(np.float32)
    params = plan.sample(5, 1, np.arange(32))
    seen = plan.render(images, params)
    expected = [
        _by_scipy(image, matrix, fill)
        for image, matrix in zip(images, plan.matrix(params, *size), strict=True)
    ]
    np.testing.assert_allclose(seen, expected, atol=4e-3)


def test_the_oracle_is_scipy_to_the_last_digits():
    fill = Fill("reflect")
    image = pictures(1, 9, 13)[0]
    matrix = oracle.matrix(Rotate(180), [0.61], 9, 13)
    np.testing.assert_allclose(
        oracle.resample(image, matrix, fill), _by_scipy(image, matrix, fill), atol=1e-9
    )


def test_a_quarter_turn_is_anticlockwise_and_exact():
    images = pictures(2, 16, 16)
    seen = compile([Rotate(90)]).render(images, np.array([[90.0], [-90.0]]))
    np.testing.assert_allclose(seen[0], np.rot90(images[0]), atol=1e-3)
    np.testing.assert_allclose(seen[1], np.rot90(images[1], -1), atol=1e-3)


@pytest.mark.parametrize(
    "transform",
    [Rotate(180), Shear(45), Skew(0.5, 0.5), Zoom(0.5, 2), Flip(probability=1)],
    ids=lambda each: each.name(),
)
def test_the_centre_of_an_oblong_picture_stays(transform):
    images = np.zeros((20, 9, 13, 3), np.float32)
    images[:, 4, 6] = 200.0
    seen = compile([transform]).apply(images, seed=0, epoch=0, indices=np.arange(20))
    np.testing.assert_allclose(seen[:, 4, 6], 200.0, atol=4e-3)


def test_a_shift_moves_along_its_own_axis_by_its_share():
    images = pictures(1, 10, 20)
    plan = compile([Shift(0.5, 0.5)])
    right = plan.render(images, np.array([[0.1, 0.0]]))
    np.testing.assert_allclose(right[:, :, 2:], images[:, :, :-2], atol=1e-4)
    down = plan.render(images, np.array([[0.0, 0.2]]))
    np.testing.assert_allclose(down[:, 2:], images[:, :-2], atol=1e-4)
    pixels = compile([Shift(9, 9, "pixels")]).render(images, np.array([[-3.0, 1.0]]))
    np.testing.assert_allclose(pixels[:, 1:, :-3], images[:, :-1, 3:], atol=1e-4)


def test_flips_are_exact_and_undo_themselves():
    images = pictures(4, 7, 10).astype(np.float32) + np.float32(0.123)
    images = images.clip(0, 255)
    arguments = {"seed": 0, "epoch": 0, "indices": np.arange(4)}
    once = compile([Flip("horizontal", 1)]).apply(images, **arguments)
    np.testing.assert_array_equal(once, images[:, :, ::-1])
    upside = compile([Flip("vertical", 1)]).apply(images, **arguments)
    np.testing.assert_array_equal(upside, images[:, ::-1])
    both = compile([Flip("vertical", 1), Flip("horizontal", 1)]).apply(images, **arguments)
    np.testing.assert_array_equal(both, images[:, ::-1, ::-1])
    twice = compile([Flip("horizontal", 1), Flip("horizontal", 1)])
    np.testing.assert_array_equal(twice.apply(images, **arguments), images)


def test_crops_are_parts_of_the_picture():
    images = pictures(40, 9, 13)
    seen = compile([Crop(5, 6)]).apply(images, seed=0, epoch=0, indices=np.arange(40))
    assert seen.shape == (40, 5, 6, 3)
    places = set()
    for image, part in zip(images, seen, strict=True):
        found = [
            (top, left)
            for top in range(5)
            for left in range(8)
            if np.array_equal(image[top : top + 5, left : left + 6], part)
        ]
        assert len(found) == 1
        places.add(found[0])
    assert {top for top, _ in places} == set(range(5))
    assert {left for _, left in places} == set(range(8))


def test_a_crop_with_padding_shows_the_fill():
    images = np.full((30, 4, 4, 3), 7, np.uint8)
    plan = compile([Crop(4, 4, padding=2), Fill("constant", 99)])
    seen = plan.apply(images, seed=0, epoch=0, indices=np.arange(30))
    assert set(np.unique(seen)) == {7, 99}


def test_a_whole_resized_crop_and_a_resize_to_the_same_size_change_nothing():
    images = pictures(3, 8, 12)
    arguments = {"seed": 0, "epoch": 0, "indices": np.arange(3)}
    whole = compile([ResizedCrop(area=1.0, ratio=1.5)])
    np.testing.assert_allclose(whole.apply(images, **arguments), images, atol=1e-3)
    np.testing.assert_array_equal(compile([Resize(8, 12)]).apply(images, **arguments), images)


def test_doubling_puts_pixels_at_quarters():
    """Half-pixel centres: a row 0, 100 becomes 0, 25, 75, 100."""
    images = np.broadcast_to(np.array([0, 100], np.float32)[None, None, :, None], (1, 2, 2, 3))
    seen = compile([Resize(2, 4)]).apply(images, seed=0, epoch=0, indices=[0])
    np.testing.assert_allclose(seen[0, 0, :, 0], [0, 25, 75, 100], atol=4e-3)


def test_perspective_moves_corners_where_it_says():
    plan = compile([Perspective(0.5)])
    matrix = plan.matrix(np.array([[0.2, 0.1, 0, 0, 0, 0, 0, 0]]), 11, 21)[0]
    for seen, shown in (((2, 0.5), (0, 0)), ((20, 0), (20, 0)), ((20, 10), (20, 10))):
        x, y, depth = matrix @ (*seen, 1)
        np.testing.assert_allclose((x / depth, y / depth), shown, atol=1e-9)


def test_masks_move_with_their_pictures_and_gain_no_label():
    masks = np.random.default_rng(0).integers(0, 4, (8, 24, 40)).astype(np.int32)
    masks = masks.repeat(1, axis=0) * 60
    pictures_of_them = np.repeat(masks[..., None], 3, axis=3).astype(np.float32)
    for mode in MODES:
        plan = compile([*EVERYTHING, Fill(mode, 0)])
        params = plan.sample(0, 0, np.arange(8))
        seen = plan.masks(masks, params)
        assert seen.dtype == masks.dtype
        assert set(np.unique(seen)) <= {0, 60, 120, 180}
        # Where the bilinear picture is within half a step of one label, that is the mask's.
        shown = plan.render(pictures_of_them, params)[..., 0]
        matching = np.abs(shown - seen) < 90
        assert matching.mean() > 0.9, mode
    quarter = compile([Rotate(90)]).masks(masks[:, :, :24], np.full((8, 1), 90.0))
    np.testing.assert_array_equal(quarter[0], np.rot90(masks[0, :, :24]))


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            [Crop(40, 40)],
            "Crop takes 40x40 pixels with a padding of 0 out of pictures of 8x8\n"
            "  hint: make the crop smaller, or the pictures larger",
        ),
        (
            [Sometimes(0.5, [Crop(4, 4)])],
            "Crop changes the size of every picture, received one in a choice",
        ),
    ],
)
def test_a_crop_that_cannot_be_is_refused(policy, message):
    with pytest.raises(PolicyError) as caught:
        compile(policy).apply(pictures(1, 8, 8), 0, 0, [0])
    assert str(caught.value) == message
