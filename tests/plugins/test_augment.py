"""The first-party policies: what they return, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from zoo_augment.light import light
from zoo_augment.none import none

from zoo.engine.augment import compile
from zoo.errors import PolicyError
from zoo.transform import Fill, Flip, Rotate, Shift, Zoom


def test_light_is_the_moves_of_its_options():
    assert light(rotation=20.0, shift=0.2, zoom=0.25, flip=False, fill="reflect") == [
        Rotate(20.0),
        Shift(0.2, 0.2),
        Zoom(0.75, 1.25),
        Flip("horizontal", probability=0.0),
        Fill("reflect"),
    ]


@pytest.mark.parametrize("zoom", [1.0, -0.1, float("nan")])
def test_light_refuses_a_zoom_that_leaves_nothing(zoom):
    with pytest.raises(PolicyError) as caught:
        light(zoom=zoom)
    assert str(caught.value) == (
        f"light takes zoom from 0 up to but not including 1, received {zoom}"
    )


def test_none_and_a_light_without_strength_return_the_same_bits():
    images = np.random.default_rng(0).integers(0, 256, (3, 9, 13, 3), np.uint8)
    for policy in (none(), light(rotation=0.0, shift=0.0, zoom=0.0, flip=False)):
        seen = compile(policy).apply(images, seed=1, epoch=2, indices=[0, 1, 2])
        assert seen.dtype == np.float32
        np.testing.assert_array_equal(seen, images)


def test_an_option_of_light_does_not_change_what_the_others_draw():
    """Switching the flip off leaves the angles as they were, so that runs can be compared."""
    with_flip, without = compile(light()), compile(light(flip=False))
    angles, still = (plan.sample(3, 0, np.arange(50)) for plan in (with_flip, without))
    np.testing.assert_array_equal(angles[:, :5], still[:, :5])
    assert angles[:, 5].sum() > 0
    assert still[:, 5].sum() == 0
