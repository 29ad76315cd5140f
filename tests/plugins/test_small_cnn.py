"""The small network against its sum by hand and a second way to compute it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import zoo_compact
from zoo_compact.small_cnn import small_cnn

import zoo
from zoo import registry
from zoo.engine import generate


def test_has_the_parameters_of_the_sum_by_hand() -> None:
    convolutions = [(9, 3, 24), (9, 24, 24), (9, 24, 24)]
    convolutions += [(9, 24, 48), (1, 24, 48), (9, 48, 48)]
    convolutions += [(9, 48, 96), (1, 48, 96), (9, 96, 96)]
    expected = sum(k * a * b + 4 * b for k, a, b in convolutions) + 96 * 10 + 10
    assert zoo.build("small-cnn+linear", classes=10).count_params() == expected == 175_282


@pytest.mark.parametrize("size", [16, 33, 64])
def test_each_stage_halves_the_map(size: int) -> None:
    taps = small_cnn(keras.Input((size, size, 3)), width=0.5)
    half, quarter, eighth = -(-size // 2), -(-size // 4), -(-size // 8)
    assert [tuple(tap.shape[1:]) for tap in taps.values()] == [
        (half, half, 12),
        (quarter, quarter, 24),
        (eighth, eighth, 48),
    ]


@pytest.mark.parametrize("width", [0.1, 0.25, 0.5, 0.66, 1.0])
def test_no_convolution_has_a_gradient_that_ends_the_process(width: float) -> None:
    inputs = keras.Input((32, 32, 3))
    taps = small_cnn(inputs, width=width)
    model = keras.Model(inputs, taps)
    convolutions = [each for each in model.layers if isinstance(each, keras.layers.Conv2D)]
    picking = [each for each in convolutions if each.kernel_size == (1, 1) != each.strides]
    assert all(each.kernel.shape[2] >= 16 for each in picking)
    assert len(picking) == sum(tap.shape[-1] >= 16 for tap in list(taps.values())[:2])


@pytest.mark.parametrize("size", [16, 33])
def test_a_narrow_shortcut_is_what_strides_give(size: int) -> None:
    taps = small_cnn(keras.Input((size, size, 3)), width=0.5)
    model = keras.Model(taps["stage1"], taps["stage2"])
    conv, pick = (model.get_layer(f"stage2_shortcut_{what}") for what in ("conv", "pick"))
    given = np.random.default_rng(0).normal(size=(2, size, size, 12)).astype("float32")
    strided = keras.layers.Conv2D(24, 1, strides=2, padding="same", use_bias=False)
    expected = strided(given)
    conv.kernel.assign(strided.kernel)
    np.testing.assert_allclose(pick(conv(given)), expected, atol=1e-6)


def test_residual_block_adds_its_shortcut_before_the_relu() -> None:
    inputs = keras.Input((16, 16, 3))
    taps = small_cnn(inputs, width=0.25)
    model = keras.Model(inputs, taps)
    names = ("stem_relu", "stage1_2_bn", "stage1_out", "stage2_shortcut_pick", "stage2_2_bn")
    probe = keras.Model(inputs, [*(model.get_layer(name).output for name in names), taps["stage2"]])
    x = np.random.default_rng(0).normal(0, 1, (2, 16, 16, 3)).astype("float32")
    stem, branch1, stage1, shortcut2, branch2, stage2 = probe.predict(x, verbose=0)
    np.testing.assert_allclose(stage1, np.maximum(stem + branch1, 0), atol=1e-6)
    np.testing.assert_allclose(stage2, np.maximum(shortcut2 + branch2, 0), atol=1e-6)


def test_the_shipped_weights_know_freshly_drawn_shapes(tmp_path) -> None:
    """Pictures that no training saw: 95 % of a thousand, so 85 % of two hundred in any case."""
    generate.shapes(tmp_path / "fresh", count=200, size=64, seed=7)
    model = zoo.build("small-cnn@shapes+linear", classes=10)
    figures = zoo.evaluate(model, tmp_path / "fresh", split="all")
    assert figures["accuracy"] > 0.85


def test_the_card_is_that_of_the_shipped_file() -> None:
    weights = registry.load().part("backbone", "small-cnn").weights["shapes"]
    package = Path(zoo_compact.__file__).parent
    assert weights.sha256 in (package / "shapes.md").read_text()
    assert f"{weights.size:,} bytes" in (package / "shapes.md").read_text()
    assert weights.size == (package / "shapes.weights.h5").stat().st_size < 1e6
