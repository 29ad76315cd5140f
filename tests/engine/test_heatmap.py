"""Colour means value: an even table, exact ends, and no channel swapped on the way."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.engine.heatmap import TABLES, colour, enlarge, overlay

TABLE = TABLES["inferno"]


def _lightness(rgb: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB under D65."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(
        luminance > (6 / 29) ** 3, 116 * np.cbrt(luminance) - 16, luminance * (29 / 3) ** 3
    )


def test_the_table_grows_evenly_lighter():
    light = _lightness(TABLE)
    assert TABLE.shape == (256, 3)
    assert light[0] < 1
    assert light[-1] > 97
    assert np.all(np.diff(light[::4]) > 0)
    # Within 6 of the straight line from black to white: equal steps of value look equal.
    assert np.abs(light - np.linspace(light[0], light[-1], 256)).max() < 6


def test_the_other_tables_grow_evenly_too_and_the_signed_one_to_both_sides_alike():
    for name in ("viridis", "grey"):
        light = _lightness(TABLES[name])
        assert np.all(np.diff(light[::4]) > 0), name
    light = _lightness(TABLES["signed"])
    assert light.argmax() in (127, 128)
    assert np.all(np.diff(light[:128:4]) > 0)
    assert np.all(np.diff(light[128::4]) < 0)
    assert abs(light[0] - light[-1]) < 6


def test_a_signed_map_has_zero_in_the_middle_and_equal_ends():
    heat = np.array([[-2.0, 0.0, 2.0]])
    seen = colour(heat, 2.0, signed=True)[0].astype(int)
    np.testing.assert_array_equal(seen[[0, 2]], TABLES["signed"][[0, 255]])
    assert np.ptp(seen[1]) <= 2  # neither red nor blue
    blue, red = seen[0], seen[2]
    assert blue[2] > blue[0]
    assert red[0] > red[2]


def test_zero_and_the_top_are_the_ends_of_the_table():
    heat = np.array([[0.0, 0.5, 1.0, 3.0]])
    np.testing.assert_array_equal(colour(heat, 1.0), TABLE[[[0, 128, 255, 255]]])
    np.testing.assert_array_equal(colour(heat, 2.0), TABLE[[[0, 64, 128, 255]]])


def test_a_zero_map_is_dark_and_never_nan():
    np.testing.assert_array_equal(colour(np.zeros((2, 2)), 0.0), np.tile(TABLE[0], (2, 2, 1)))


def test_a_map_is_enlarged_about_the_centres_of_its_cells():
    seen = enlarge(np.array([[0.0, 4.0]]), (2, 8))
    np.testing.assert_allclose(seen, [[0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]] * 2)


def test_without_alpha_the_picture_keeps_its_bits():
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    heat = np.random.default_rng(1).random((3, 2))
    np.testing.assert_array_equal(overlay(picture, heat, alpha=0), picture)


def test_red_stays_red():
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    seen = overlay(red, np.zeros((2, 2)), alpha=0.5)
    assert np.all(seen[..., 0] == 100)
    assert np.all(seen[..., 1:] <= 2)


def test_a_blend_is_half_of_each():
    picture = np.full((1, 1, 3), 100, np.uint8)
    expected = np.round((100 + TABLE[255].astype(float)) / 2)
    np.testing.assert_array_equal(overlay(picture, np.ones((1, 1)))[0, 0], expected)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_how_large_the_values_are_does_not_change_the_picture(factor):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    heat = np.random.default_rng(1).random((4, 4))
    np.testing.assert_allclose(
        overlay(picture, heat * factor).astype(int), overlay(picture, heat), atol=1
    )


def test_a_hot_place_changes_nothing_far_from_it():
    picture = np.full((8, 8, 3), 90, np.uint8)
    heat = np.zeros((4, 4))
    cold = overlay(picture, heat)
    heat[0, 0] = 1
    np.testing.assert_array_equal(overlay(picture, heat)[4:, 4:], cold[4:, 4:])
