"""A compiled policy: draws that depend on the picture alone, in any batch and any pipeline."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from zoo.engine.augment import compile, for_training, frequencies
from zoo.errors import PolicyError
from zoo.transform import (
    Brightness,
    Contrast,
    Crop,
    CutMix,
    Elastic,
    Fill,
    Flip,
    Gamma,
    MixUp,
    Noise,
    Occlude,
    OneOf,
    Rescale,
    Rotate,
    Shear,
    Shift,
    Sometimes,
    Zoom,
)

from .every import pictures

EVERYTHING = [
    Rotate(40),
    Shift(0.3, 0.2),
    Shear(15),
    Zoom(0.7, 1.4),
    Flip("horizontal"),
    Brightness((0.5, 1.5)),
    Contrast((0.5, 1.5)),
    OneOf([Gamma((0.5, 2.0)), Noise((1, 9)), Occlude(3)]),
]


def test_two_flips_toss_two_coins():
    plan = compile([Flip("horizontal"), Flip("vertical")])
    tosses = plan.sample(0, 0, np.arange(64))
    assert {tuple(each) for each in tosses} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_picture_does_not_depend_on_its_batch():
    images, indices = pictures(14, 8, 8), np.arange(14)
    plan = compile(EVERYTHING)
    whole = plan.apply(images, seed=1, epoch=4, indices=indices)
    for size in (1, 5, 7):
        parts = [
            plan.apply(images[at : at + size], seed=1, epoch=4, indices=indices[at : at + size])
            for at in range(0, 14, size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(0).permutation(14)
    shuffled = plan.apply(images[order], seed=1, epoch=4, indices=indices[order])
    np.testing.assert_array_equal(shuffled, whole[order])


@pytest.mark.parametrize(
    "transform",
    [Rotate(30), Shift(0.3, 0.3), Shear(20), Zoom(0.5, 1.5), Contrast((0.2, 2)), Noise(5)],
    ids=lambda each: each.name(),
)
def test_equal_pictures_become_eight_different_ones(transform):
    images = np.repeat(pictures(1, 8, 8), 8, axis=0)
    seen = compile([transform]).apply(images, seed=0, epoch=0, indices=np.arange(8))
    assert len({each.tobytes() for each in seen}) == 8


def test_every_epoch_and_seed_draws_anew():
    plan = compile(EVERYTHING)
    drawn = [plan.sample(seed, epoch, np.arange(10)) for seed in (0, 1) for epoch in (0, 1)]
    for first in range(4):
        for second in range(first):
            assert not np.any(drawn[first][:, :4] == drawn[second][:, :4])


def test_draws_stay_in_their_ranges_and_fill_them():
    plan = compile([Rotate(30), Shift(0.1, 0.2), Zoom(0.8, 1.5), Flip(probability=0.25)])
    drawn = plan.sample(0, 0, np.arange(4000))
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    np.testing.assert_allclose(low, [-30, -0.1, -0.2, 0.8, 0.8, 0], rtol=0.01)
    np.testing.assert_allclose(high, [30, 0.1, 0.2, 1.5, 1.5, 1], rtol=0.01)
    assert abs(drawn[:, 5].mean() - 0.25) < 0.03
    assert [each.name for each in plan.columns] == [
        "rotate, degrees",
        "shift right, share of width",
        "shift down, share of height",
        "zoom, width",
        "zoom, height",
        "flip, horizontal",
    ]


def test_a_data_pipeline_gives_what_eager_gives_and_traces_once():
    images, traces = pictures(50, 8, 8), []
    plan = compile(EVERYTHING)

    def augmented(indices, batch):
        traces.append(1)
        return plan.apply(batch, seed=3, epoch=1, indices=indices)

    data = tf.data.Dataset.from_tensor_slices((np.arange(50), images)).batch(4)
    seen = np.concatenate(list(data.map(augmented, num_parallel_calls=2).as_numpy_iterator()))
    np.testing.assert_array_equal(seen, plan.apply(images, seed=3, epoch=1, indices=np.arange(50)))
    assert len(traces) == 1


def test_a_pipeline_mixes_labels_too():
    images = pictures(6, 8, 8)
    plan = compile([Rotate(20), MixUp(1.0)])
    words = {"seed": 3, "indices": np.arange(6), "classes": 5}
    expected = plan.batch(images, np.array([0, 1, 2, 3, 4, 0]), epoch=1, **words)

    def mixed(indices, batch, labels):
        return plan.batch(batch, labels, seed=3, epoch=tf.constant(1), indices=indices, classes=5)

    rows = (np.arange(6), images, np.array([0, 1, 2, 3, 4, 0]))
    data = tf.data.Dataset.from_tensor_slices(rows).batch(6).map(mixed)
    assert data.element_spec[0].shape.as_list() == [None, 8, 8, 3]
    assert data.element_spec[1].shape.as_list() == [None, 5]
    for seen, wanted in zip(next(iter(data)), expected, strict=True):
        np.testing.assert_array_equal(seen, wanted)


def test_training_is_given_what_its_model_takes():
    assert for_training([], (8, 8)) is None
    assert for_training([Rotate(9)], (8, 8)).transforms == (Rotate(9),)
    with pytest.raises(PolicyError, match="the policy gives pictures of 4x4, the model takes 8x8"):
        for_training([Crop(4, 4)], (8, 8))
    with pytest.raises(PolicyError, match="takes pictures out of"):
        for_training([Rescale(2.0)], (8, 8))


MIXES = [
    Sometimes(0.8, [OneOf([MixUp(1.0), CutMix(1.0)])]),
    Sometimes(0.5, [CutMix(0.5)]),
]


@pytest.mark.parametrize("mixes", [[], MIXES[:1], MIXES], ids=["none", "one", "two"])
def test_a_batch_in_two_halves_is_the_batch(mixes):
    """Ahead of the step what is drawn, within it what is done: as all of it on the CPU."""
    plan = compile([*EVERYTHING, *mixes])
    images, labels = pictures(16, 12, 8).astype(np.float32), np.arange(16) % 5
    words = {"seed": 3, "epoch": 2, "indices": np.arange(16), "classes": 5}
    expected, wanted = plan.batch(images, labels, **words)
    (same, rows), given = plan.prepared(images, labels, **words)
    assert same is images
    assert rows.shape == (16, plan.width)
    np.testing.assert_array_equal(given, wanted)
    seen = ops.convert_to_numpy(plan.on_device(images, rows))
    np.testing.assert_allclose(seen, expected, atol=4e-3)

    def prepared(batch, labels, indices):
        return plan.prepared(batch, labels, 3, tf.constant(2), indices, classes=5)

    data = tf.data.Dataset.from_tensor_slices((images, labels, np.arange(16))).batch(16)
    data = data.map(prepared)
    assert data.element_spec[0][1].shape.as_list() == [None, plan.width]
    (same, again), given = next(iter(data))
    np.testing.assert_array_equal(same, images)
    np.testing.assert_array_equal(again, rows)
    np.testing.assert_array_equal(given, wanted)


def test_labels_stay_as_they_are_where_nothing_is_mixed():
    labels = np.array([3, 1])
    plan = compile([Rotate(20)])
    words = {"seed": 0, "epoch": 0, "indices": np.arange(2), "classes": 5}
    seen, given = plan.batch(pictures(2, 8, 8), labels, **words)
    assert given is labels
    np.testing.assert_array_equal(seen, plan.apply(pictures(2, 8, 8), 0, 0, np.arange(2)))


def test_drawn_parameters_can_be_given_again():
    images, plan = pictures(5, 8, 8), compile(EVERYTHING)
    params = plan.sample(3, 1, np.arange(5))
    again = plan.render(images, np.array(params.tolist()))
    np.testing.assert_array_equal(again, plan.apply(images, 3, 1, np.arange(5)))


def test_a_coin_that_is_weighted_wholly_has_one_side():
    names = [each[0] for each in frequencies(compile([Flip(probability=0), Rotate(5)]), seed=0)]
    assert names == ["rotate, degrees"]
    assert compile([Flip(probability=1)]).columns[0].ends == (1, 1)
    assert compile([Flip()]).columns[0].ends == (0, 1)


def test_what_comes_out_is_float32_within_the_range():
    images, plan = pictures(8, 8, 8), compile(EVERYTHING)
    for given in (images, images.astype(np.float32), images.astype(np.float64)):
        seen = plan.apply(given, seed=3, epoch=1, indices=np.arange(8))
        assert seen.dtype == np.float32
        assert seen.min() >= 0
        assert seen.max() <= 255


def test_pictures_given_are_left_alone():
    for images in (pictures(4, 8, 8), pictures(4, 8, 8).astype(np.float32)):
        before = images.copy()
        for policy in (EVERYTHING, EVERYTHING[4:], [Gamma(0.5)], [MixUp(1.0)]):
            plan = compile(policy)
            plan.batch(images, np.arange(4), seed=0, epoch=0, indices=np.arange(4), classes=4)
            np.testing.assert_array_equal(images, before)


def test_pictures_in_0_to_1_are_told_of():
    plan = compile([Rotate(5), Brightness((0.5, 1.5))])
    says = (
        "pictures reach from 0 to 1, as if they were 0..1; Brightness take 0..255 and would see "
        "black: multiply them by 255"
    )
    with pytest.warns(UserWarning, match=re.escape(says)):
        plan.apply(np.linspace(0, 1, 192, dtype=np.float32).reshape(1, 8, 8, 3), 0, 0, [0])


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (
            lambda: compile([Fill(), Fill("wrap")]),
            "a policy has one Fill, received 2",
        ),
        (
            lambda: compile(["rotate"]),
            "a policy gave 'rotate', which is no transform\n"
            "  hint: return a list of transforms from zoo.api, such as Rotate(15)",
        ),
        (
            lambda: compile([Rescale(2.0), Gamma(2.0)]),
            "Gamma stands after Rescale, which takes pictures out of 0..255\n"
            "  hint: let Rescale, Center, Standardize, Normalize and Whiten be the last",
        ),
        (
            lambda: compile([Elastic(0.1), Elastic(0.1)]),
            "a policy has one Elastic, received 2",
        ),
        (lambda: compile([MixUp(1.0), Rotate(5)]), "MixUp and CutMix are the last of a policy"),
        (
            lambda: compile([MixUp(1.0)]).apply(pictures(1, 8, 8), 0, 0, [0]),
            "MixUp mix labels as well, and here are none\n"
            "  hint: use the policy where labelled pictures are trained on, epoch by epoch",
        ),
        (
            lambda: compile([OneOf([Fill(), Rotate(5)])]),
            "Fill holds for a whole policy, received one in a choice",
        ),
        (
            lambda: compile([Rotate(5)]).apply(np.zeros((8, 8, 3)), 0, 0, [0]),
            "pictures are [N,H,W,3], received the shape [8, 8, 3]",
        ),
        (
            lambda: compile([Rotate(5)]).apply(np.zeros((1, 8, 8, 3), int), 0, 0, [0]),
            "pictures are uint8 or float, received int64",
        ),
        (
            lambda: compile([Rotate(5)]).apply(np.full((1, 8, 8, 3), np.nan), 0, 0, [0]),
            "pictures hold values that are no finite numbers (NaN or infinite)",
        ),
        (
            lambda: compile([Rotate(5)]).apply(np.full((1, 8, 8, 3), -2.5), 0, 0, [0]),
            "pictures are 0..255, received values from -2.5 to -2.5\n"
            "  hint: augment before they are normalised",
        ),
        (
            lambda: compile([Rotate(5)]).render(pictures(1, 8, 8), np.array([[np.nan]])),
            "parameters are finite numbers, 1 for each picture, received NaN or infinite",
        ),
        (
            lambda: compile([Rotate(5)]).render(pictures(2, 8, 8), np.zeros((2, 3))),
            "parameters are finite numbers, 1 for each picture, received [2, 3]",
        ),
        (
            lambda: compile([Rotate(5)]).sample(-1, 0, [0]),
            "seed and epoch are from 0 to 2**32-1, received -1",
        ),
    ],
)
def test_what_cannot_be_compiled_says_so(use, message):
    with pytest.raises(PolicyError) as caught:
        use()
    assert str(caught.value) == message
