"""Colour against Pillow, which rounds to bytes after each step, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage, stats

from zoo.engine.augment import compile
from zoo.transform import (
    AutoContrast,
    Blur,
    Brightness,
    Contrast,
    CutMix,
    Equalize,
    Gamma,
    Grayscale,
    Hue,
    Invert,
    MixUp,
    Noise,
    Occlude,
    Posterize,
    Saturation,
    Sharpness,
    Solarize,
)

from .every import pictures

IMAGE = (pictures(1, 20, 30)[0].astype(int) * 3 // 4 + 20).astype(np.uint8)
"""From 20 to 211, so that stretching has something to do."""


def _seen(*policy, image=IMAGE):
    return compile(policy).apply(image[None], seed=0, epoch=0, indices=[0])[0]


PILLOW = {
    "brightness": (Brightness(0.6), lambda p: ImageEnhance.Brightness(p).enhance(0.6), 1),
    "contrast": (Contrast(1.4), lambda p: ImageEnhance.Contrast(p).enhance(1.4), 1.5),
    "saturation": (Saturation(0.3), lambda p: ImageEnhance.Color(p).enhance(0.3), 1.5),
    "grayscale": (Grayscale(), lambda p: p.convert("L").convert("RGB"), 1),
    "sharpness": (Sharpness(1.8), lambda p: ImageEnhance.Sharpness(p).enhance(1.8), 1.5),
    "smoothing": (Sharpness(0.1), lambda p: ImageEnhance.Sharpness(p).enhance(0.1), 1.5),
    "auto-contrast": (AutoContrast(), ImageOps.autocontrast, 1),
    "equalize": (Equalize(), ImageOps.equalize, 0),
    "posterize": (Posterize(3), lambda p: ImageOps.posterize(p, 3), 0),
    "solarize": (Solarize(100), lambda p: ImageOps.solarize(p, 100), 0),
    "invert": (Invert(), ImageOps.invert, 0),
}


@pytest.mark.parametrize("name", PILLOW)
def test_pillow_does_the_same(name):
    transform, by_pillow, levels = PILLOW[name]
    expected = np.asarray(by_pillow(Image.fromarray(IMAGE)), np.float32)
    np.testing.assert_allclose(_seen(transform), expected, atol=levels)


def test_a_gaussian_is_that_of_scipy():
    expected = ndimage.gaussian_filter(
        IMAGE.astype(np.float64), (1.5, 1.5, 0), mode="reflect", truncate=4
    )
    np.testing.assert_allclose(_seen(Blur(1.5)), expected, atol=1e-2)


def test_hue_keeps_grey_and_brightness_and_turns_all_the_way_round():
    grey = np.repeat(IMAGE[..., :1], 3, axis=2)
    np.testing.assert_allclose(_seen(Hue((90, 90)), image=grey), grey, atol=1e-3)
    weights = np.array([0.299, 0.587, 0.114])
    muted = (IMAGE // 8 + 110).astype(np.uint8)
    turned = _seen(Hue((70, 70)), image=muted)
    np.testing.assert_allclose(turned @ weights, muted @ weights, atol=1e-2)
    halves = _seen(Hue((180, 180)), Hue((180, 180)), image=muted)
    np.testing.assert_allclose(halves, muted, atol=1e-2)


def test_gamma_is_a_power_of_the_share():
    np.testing.assert_allclose(_seen(Gamma(0.5)), np.sqrt(IMAGE / 255) * 255, atol=1e-3)


def test_linear_colours_are_cut_once_at_their_end():
    """Brighter by 2 and darker by 2 is the picture itself, though white lies in between."""
    np.testing.assert_allclose(_seen(Brightness(2.0), Brightness(0.5)), IMAGE, atol=1e-3)
    cut = _seen(Brightness(2.0), Gamma(1.0), Brightness(0.5))
    np.testing.assert_allclose(cut, np.minimum(IMAGE * 2.0, 255) / 2, atol=1e-3)


def test_noise_is_normal_and_each_pictures_own():
    images = np.full((2, 64, 64, 3), 128, np.uint8)
    seen = compile([Noise(10.0)]).apply(images, seed=0, epoch=0, indices=[0, 1]) - 128
    assert stats.kstest(seen[0].ravel(), stats.norm(0, 10).cdf).pvalue > 0.001
    assert abs(np.corrcoef(seen[0].ravel(), seen[1].ravel())[0, 1]) < 0.03


def test_an_occlusion_is_a_square_of_one_of_its_values():
    images = np.full((2000, 16, 20, 3), 77, np.uint8)
    seen = compile([Occlude(5)]).apply(images, seed=0, epoch=0, indices=np.arange(2000))
    covered = (seen != 77).all(axis=3)
    np.testing.assert_array_equal(covered.sum(axis=(1, 2)), 25)
    assert {tuple(np.unique(each)) for each in seen} == {(0, 77), (77, 128), (77, 255)}
    # Every place is as likely: also the corners are covered now and then.
    assert covered.any(axis=0).all()


def test_mixup_blends_pictures_and_labels_alike():
    images = np.stack([np.full((4, 4, 3), value, np.uint8) for value in (0, 100, 200)])
    plan = compile([MixUp(1.0)])
    own = plan.sample(3, 0, np.arange(3))[:, 0]
    seen, labels = plan.batch(
        images, np.array([0, 1, 2]), seed=3, epoch=0, indices=np.arange(3), classes=4
    )
    others = np.array([200, 0, 100])
    expected = own * [0, 100, 200] + (1 - own) * others
    np.testing.assert_allclose(seen[:, 0, 0, 0], expected, rtol=1e-5)
    assert labels.dtype == np.float32
    for row, (mine, other) in enumerate(((0, 2), (1, 0), (2, 1))):
        wanted = np.zeros(4)
        wanted[mine] += own[row]
        wanted[other] += 1 - own[row]
        np.testing.assert_allclose(labels[row], wanted, atol=1e-6)


def test_cutmix_gives_labels_the_share_of_their_pixels():
    images = np.stack([np.full((32, 32, 3), value, np.uint8) for value in range(8)])
    plan = compile([CutMix(1.0)])
    seen, labels = plan.batch(
        images, np.arange(8), seed=0, epoch=0, indices=np.arange(8), classes=8
    )
    for row in range(8):
        shares = np.bincount(seen[row, ..., 0].astype(int).ravel(), minlength=8) / 32**2
        np.testing.assert_allclose(labels[row], shares, atol=1e-6)
        assert set(np.flatnonzero(shares)) <= {row, (row - 1) % 8}
    assert (labels.max(axis=1) < 1).any()
