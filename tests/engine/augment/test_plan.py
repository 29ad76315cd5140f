"""The compiled warp against scipy, against numpy, and against what cannot be argued with."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from zoo.engine.augment import compile, oracle
from zoo.errors import PolicyError
from zoo.transform import Fill, Flip, Rotate, Shear, Shift, Zoom

MODES = ("nearest", "reflect", "constant", "wrap")
EVERYTHING = [
    Rotate(40),
    Shift(0.3, 0.2),
    Shear(15),
    Zoom(0.7, 1.4),
    Flip("horizontal"),
    Flip("vertical"),
]


def _pictures(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


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
    images = _pictures(32, *size)
    params = plan.sample(5, 1, np.arange(32))
    matrices = plan.matrix(params, *size).numpy()
    seen = plan.warp(images, params).numpy()
    expected = [
        _by_scipy(image, matrix, fill) for image, matrix in zip(images, matrices, strict=True)
    ]
    np.testing.assert_allclose(seen, expected, atol=2e-3)


@pytest.mark.parametrize("mode", MODES)
def test_the_plan_is_the_oracle(mode):
    policy = [*EVERYTHING, Fill(mode, value=99.0)]
    images, indices = _pictures(16, 9, 13), np.arange(100, 116)
    seen = compile(policy).apply(images, seed=5, epoch=1, indices=indices).numpy()
    expected = oracle.apply(policy, images, seed=5, epoch=1, indices=indices)
    np.testing.assert_allclose(seen, expected, atol=2e-3)


def test_the_oracle_is_scipy_to_the_last_digits():
    fill = Fill("reflect")
    image = _pictures(1, 9, 13)[0]
    matrix = oracle.matrix(Rotate(180), [0.61], 9, 13)
    np.testing.assert_allclose(
        oracle.resample(image, matrix, fill), _by_scipy(image, matrix, fill), atol=1e-9
    )


def test_a_quarter_turn_is_anticlockwise_and_exact():
    images = _pictures(2, 16, 16)
    seen = compile([Rotate(90)]).warp(images, tf.constant([[90.0], [-90.0]], tf.float64)).numpy()
    np.testing.assert_allclose(seen[0], np.rot90(images[0]), atol=1e-3)
    np.testing.assert_allclose(seen[1], np.rot90(images[1], -1), atol=1e-3)


@pytest.mark.parametrize("transform", [Rotate(180), Shear(45), Zoom(0.5, 2), Flip(probability=1)])
def test_the_centre_of_an_oblong_picture_stays(transform):
    images = np.zeros((20, 9, 13, 3), np.float32)
    images[:, 4, 6] = 200.0
    seen = compile([transform]).apply(images, seed=0, epoch=0, indices=np.arange(20)).numpy()
    np.testing.assert_allclose(seen[:, 4, 6], 200.0, atol=1e-3)


def test_a_shift_moves_along_its_own_axis_by_its_share():
    images = _pictures(1, 10, 20)
    plan = compile([Shift(0.5, 0.5)])
    right = plan.warp(images, tf.constant([[0.1, 0.0]], tf.float64)).numpy()
    np.testing.assert_allclose(right[:, :, 2:], images[:, :, :-2], atol=1e-4)
    down = plan.warp(images, tf.constant([[0.0, 0.2]], tf.float64)).numpy()
    np.testing.assert_allclose(down[:, 2:], images[:, :-2], atol=1e-4)


def test_flips_are_exact_and_undo_themselves():
    images = _pictures(4, 7, 10)
    once = compile([Flip("horizontal", 1)])
    arguments = {"seed": 0, "epoch": 0, "indices": np.arange(4)}
    np.testing.assert_array_equal(once.apply(images, **arguments), images[:, :, ::-1])
    upside = compile([Flip("vertical", 1)]).apply(images, **arguments)
    np.testing.assert_array_equal(upside, images[:, ::-1])
    twice = compile([Flip("horizontal", 1), Flip("horizontal", 1)])
    np.testing.assert_array_equal(twice.apply(images, **arguments), images)


def test_two_flips_toss_two_coins():
    plan = compile([Flip("horizontal"), Flip("vertical")])
    tosses = plan.sample(0, 0, np.arange(64)).numpy()
    assert {tuple(each) for each in tosses} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_picture_does_not_depend_on_its_batch():
    images, indices = _pictures(14, 8, 8), np.arange(14)
    plan = compile(EVERYTHING)
    whole = plan.apply(images, seed=1, epoch=4, indices=indices).numpy()
    for size in (1, 5, 7):
        parts = [
            plan.apply(images[at : at + size], seed=1, epoch=4, indices=indices[at : at + size])
            for at in range(0, 14, size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(0).permutation(14)
    shuffled = plan.apply(images[order], seed=1, epoch=4, indices=indices[order]).numpy()
    np.testing.assert_array_equal(shuffled, whole[order])


@pytest.mark.parametrize("transform", [Rotate(30), Shift(0.3, 0.3), Shear(20), Zoom(0.5, 1.5)])
def test_equal_pictures_become_eight_different_ones(transform):
    images = np.repeat(_pictures(1, 8, 8), 8, axis=0)
    seen = compile([transform]).apply(images, seed=0, epoch=0, indices=np.arange(8)).numpy()
    assert len({each.tobytes() for each in seen}) == 8


def test_every_epoch_and_seed_draws_anew():
    plan = compile(EVERYTHING)
    drawn = [plan.sample(seed, epoch, np.arange(10)).numpy() for seed in (0, 1) for epoch in (0, 1)]
    for first in range(4):
        for second in range(first):
            assert not np.any(drawn[first][:, :4] == drawn[second][:, :4])


def test_draws_stay_in_their_ranges_and_fill_them():
    plan = compile([Rotate(30), Shift(0.1, 0.2), Zoom(0.8, 1.5), Flip(probability=0.25)])
    drawn = plan.sample(0, 0, np.arange(4000)).numpy()
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
    images, traces = _pictures(50, 8, 8), []
    plan = compile(EVERYTHING)

    def augmented(indices, batch):
        traces.append(1)
        return plan.apply(batch, seed=3, epoch=1, indices=indices)

    data = tf.data.Dataset.from_tensor_slices((np.arange(50), images)).batch(4)
    seen = np.concatenate(list(data.map(augmented, num_parallel_calls=2).as_numpy_iterator()))
    expected = plan.apply(images, seed=3, epoch=1, indices=np.arange(50)).numpy()
    np.testing.assert_allclose(seen, expected, atol=1e-3)
    assert len(traces) == 1


def test_xla_gives_what_eager_gives():
    images, plan = _pictures(6, 8, 8), compile(EVERYTHING)
    compiled = tf.function(plan.apply, jit_compile=True)
    seen = compiled(images, seed=3, epoch=1, indices=tf.range(6)).numpy()
    expected = plan.apply(images, seed=3, epoch=1, indices=np.arange(6)).numpy()
    np.testing.assert_allclose(seen, expected, atol=1e-3)


def test_bytes_and_floats_give_the_same_floats_within_the_range():
    images, plan = _pictures(8, 8, 8), compile(EVERYTHING)
    arguments = {"seed": 3, "epoch": 1, "indices": np.arange(8)}
    seen = plan.apply(images, **arguments).numpy()
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen, plan.apply(images.astype(np.float32), **arguments))
    assert seen.min() >= 0
    assert seen.max() <= 255


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
            "  hint: return a list of Rotate, Shift, Shear, Zoom, Flip and Fill from zoo.api",
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
