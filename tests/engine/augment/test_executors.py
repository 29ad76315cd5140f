"""Both executors against the oracle: every transform, every fill, bytes and floats."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from zoo.engine.augment import compile, oracle
from zoo.transform import CutMix, Fill, MixUp, Rotate, Sometimes, Zoom

from .every import COLOURS, MODES, MOVES, names, pictures

COUNT, HEIGHT, WIDTH = 8, 24, 40
INDICES = np.arange(COUNT)
IMAGES = pictures(COUNT, HEIGHT, WIDTH)
FLOATS = (np.random.default_rng(1).random((COUNT, HEIGHT, WIDTH, 3)) * 255).astype(np.float32)


def _device(plan, images, params):
    rows = plan.prepare(params, *images.shape[1:3])
    return ops.convert_to_numpy(plan.on_device(images, rows))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("policy", MOVES, ids=names(MOVES))
def test_moves(policy, mode):
    policy = [*policy, Fill(mode, value=99.0)]
    plan = compile(policy)
    words = {"seed": 3, "epoch": 1, "indices": INDICES}
    params = plan.sample(**words)
    expected = oracle.apply(policy, FLOATS, **words)
    # OpenCV's places are in single precision.
    np.testing.assert_allclose(plan.render(FLOATS, params), expected, atol=2e-3)
    np.testing.assert_allclose(_device(plan, FLOATS, params), expected, atol=2e-3)
    # Bytes are warped in bytes, to the nearest level.
    expected = oracle.apply(policy, IMAGES, **words)
    np.testing.assert_allclose(plan.render(IMAGES, params), expected, atol=0.506)
    np.testing.assert_allclose(_device(plan, IMAGES, params), expected, atol=2e-3)


@pytest.mark.parametrize("mode", MODES)
def test_moves_far_beyond_the_border(mode):
    """A margin as wide as these need is not made; OpenCV minds the border itself."""
    policy, words = [Zoom(4, 9), Fill(mode, value=99.0)], {"seed": 3, "epoch": 1}
    seen = compile(policy).apply(FLOATS[:2], **words, indices=INDICES[:2])
    expected = oracle.apply(policy, FLOATS[:2], **words, indices=INDICES[:2])
    np.testing.assert_allclose(seen, expected, atol=8e-3)


def test_moves_of_large_pictures():
    """Places of 8 binary digits before the point leave 16 behind it."""
    policy, words = [*MOVES[-1], Fill("reflect")], {"seed": 3, "epoch": 1, "indices": [0, 1]}
    images = np.random.default_rng(2).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
    seen = compile(policy).apply(images, **words)
    np.testing.assert_allclose(seen, oracle.apply(policy, images, **words), atol=0.016)


def test_moves_whose_pictures_are_mixed():
    plan = compile([Rotate(20), MixUp(1.0), Sometimes(0.7, [CutMix(1.0)])])
    params = plan.sample(3, 1, INDICES)
    expected, _ = plan.mixed(plan.render(FLOATS, params), INDICES, params, COUNT)
    np.testing.assert_allclose(_device(plan, FLOATS, params), expected, atol=2e-3)


@pytest.mark.parametrize("policy", COLOURS, ids=names(COLOURS))
def test_colours(policy):
    plan = compile(policy)
    words = {"seed": 3, "epoch": 1, "indices": INDICES}
    params = plan.sample(**words)
    for images in (IMAGES, FLOATS):
        expected = oracle.apply(policy, images, **words)
        np.testing.assert_allclose(plan.render(images, params), expected, atol=4e-3)
        np.testing.assert_allclose(_device(plan, images, params), expected, atol=4e-3)


def test_colours_after_a_warp():
    """Bytes are rounded once after the warp; what follows is as strong as its factor."""
    for colour in COLOURS[:9]:
        policy = [Rotate(30), *colour]
        plan, words = compile(policy), {"seed": 3, "epoch": 1, "indices": INDICES}
        seen, expected = plan.apply(IMAGES, **words), oracle.apply(policy, IMAGES, **words)
        assert np.abs(seen - expected).max() < 0.51 * 3, policy
        seen, expected = plan.apply(FLOATS, **words), oracle.apply(policy, FLOATS, **words)
        assert np.abs(seen - expected).max() < 0.006 * 3, policy


def test_xla_gives_what_tensorflow_gives():
    tf = pytest.importorskip("tensorflow")
    policy = [Rotate(30), Zoom(0.8, 1.2), *COLOURS[25], *COLOURS[10], *COLOURS[18], Fill("wrap")]
    plan = compile(policy)
    params = plan.sample(3, 1, INDICES)
    rows = plan.prepare(params, HEIGHT, WIDTH)
    compiled = tf.function(plan.on_device, jit_compile=True)
    np.testing.assert_allclose(compiled(IMAGES, rows), _device(plan, IMAGES, params), atol=2e-3)
