"""The first-party policies: what they return, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from zoo_augment.courses import dlwp, fastai, keras_layers, tiny_imagenet
from zoo_augment.crop import standard
from zoo_augment.light import light
from zoo_augment.mix import mixup_cutmix
from zoo_augment.none import none
from zoo_augment.search import augmix, autoaugment, randaugment, trivialaugment

from zoo.engine.augment import compile
from zoo.errors import PolicyError
from zoo.transform import (
    Brightness,
    Center,
    Fill,
    Flip,
    Gamma,
    Occlude,
    Posterize,
    ResizedCrop,
    Rotate,
    Shear,
    Shift,
    Zoom,
)


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


def test_randaugment_has_the_strengths_that_torchvision_publishes():
    """Magnitude 9 of 31 bins, worked out by hand from torchvision's table."""
    layer, again, fill = randaugment(layers=2, magnitude=9)
    assert layer == again
    assert fill == Fill("constant")
    assert len(layer.transforms) == 14
    found = {type(each).__name__: each for each in layer.transforms if each}
    assert found["Rotate"].degrees.values == pytest.approx((9, -9))
    assert found["Brightness"].factor.values == pytest.approx((1.27, 0.73))
    assert found["Posterize"].bits.values == (7,)
    assert found["Solarize"].threshold.values == pytest.approx((178.5,))
    assert layer.transforms[1].horizontal.values == pytest.approx((0.09, -0.09))
    assert layer.transforms[3].horizontal.values == pytest.approx((45 / 331, -45 / 331))


def test_every_picture_draws_its_own_randaugment():
    plan = compile(randaugment())
    drawn = plan.sample(0, 0, np.arange(3000))
    which = [number for number, each in enumerate(plan.columns) if each.name == "which"]
    for column in which:
        assert len(set(drawn[:64, column])) > 10
    pairs = np.bincount((drawn[:, which[0]] * 14 + drawn[:, which[1]]).astype(int), minlength=196)
    assert (pairs > 0).all()  # every pair occurs, in either order


def test_trivialaugment_draws_every_strength_of_one_transform():
    (one, _) = trivialaugment()
    angles = {abs(each) for each in one.transforms[5].degrees.values}
    np.testing.assert_allclose(sorted(angles), np.linspace(0, 135, 31))
    assert set(one.transforms[10].bits.values) == {2, 3, 4, 5, 6, 7, 8}


@pytest.mark.parametrize("data", ["imagenet", "cifar10"])
def test_autoaugment_has_the_pairs_of_the_paper(data):
    (pairs, _) = autoaugment(data=data)
    assert len(pairs.transforms) == 25
    assert all(len(pair) == 2 for pair in pairs.transforms)
    first, second = pairs.transforms[0 if data == "imagenet" else 1]
    if data == "imagenet":
        assert (first.probability, second.probability) == (0.4, 0.6)
        assert first.transforms == (Posterize(4),)
        assert second.transforms[0].degrees.values == pytest.approx((30, -30))
    else:
        assert first.transforms[0].degrees.values == pytest.approx((60 / 9, -60 / 9))
        assert second.transforms[0].horizontal.values == pytest.approx((150 / 331, -150 / 331))


def test_augmix_goes_one_to_three_steps_down_each_chain():
    plan = compile(augmix(width=2))
    leaf = plan.leaves.leaves[0]
    params = plan.sample(0, 0, np.arange(9000))
    for chain in leaf.chains:
        steps = np.sum([each.on(params) for each in chain], axis=0)
        shares = np.bincount(steps, minlength=4) / 9000
        np.testing.assert_allclose(shares, [0, 1 / 3, 1 / 3, 1 / 3], atol=0.02)


def test_mixup_cutmix_gives_each_half_of_the_pictures():
    plan = compile(mixup_cutmix(base="none", probability=0.8))
    params = plan.sample(0, 0, np.arange(9000))
    shares = [leaf.on(params).mean() for leaf in plan.mixes]
    np.testing.assert_allclose(shares, [0.4, 0.4], atol=0.02)


def test_policies_of_courses_are_their_numbers():
    assert dlwp() == [
        Rotate(40.0), Shift(0.2, 0.2), Shear(0.2), Zoom(0.8, 1.2), Flip("horizontal"),
        Fill("nearest"),
    ]  # fmt: skip
    assert fastai()[:2] == [Rotate(15.0), Shift(0.1, 0.1)]
    assert tiny_imagenet()[5:] == [
        Fill("reflect"), Brightness((0.5, 1.5)), Gamma((0.9, 1.08)), Occlude(10),
    ]  # fmt: skip
    assert tiny_imagenet(center=True)[-1] == Center()
    assert keras_layers() == [
        Flip("horizontal"), Rotate(36.0), Zoom(0.9, 1.1, proportional=True), Fill("reflect"),
    ]  # fmt: skip
    assert standard() == [ResizedCrop(area=(0.08, 1.0)), Flip("horizontal")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: randaugment(magnitude=31),
            "randaugment takes a magnitude from 0 to 30, received 31",
        ),
        (lambda: randaugment(layers=11), "randaugment takes 0 to 10 layers, received 11"),
        (
            lambda: trivialaugment(strength=0.0),
            "trivialaugment takes a strength above 0 and up to 1, received 0.0",
        ),
        (lambda: augmix(severity=0.0), "augmix takes a severity from 0.1 to 10, received 0.0"),
        (lambda: augmix(width=9), "augmix takes a width from 1 to 8, received 9"),
        (lambda: dlwp(zoom=1.0), "dlwp takes zoom from 0 up to but not including 1, received 1.0"),
        (
            lambda: tiny_imagenet(brightness=2.0),
            "tiny-imagenet takes brightness from 0 to 1, received 2.0",
        ),
    ],
)
def test_policies_say_what_they_take(make, message):
    with pytest.raises(PolicyError) as caught:
        make()
    assert str(caught.value) == message
