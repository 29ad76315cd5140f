"""Minception, a small Inception-ResNet for 56 to 64 pixels: TensorFlow in Action, chapter 7.

The blocks are those of Szegedy et al., arXiv:1602.07261. The book's network ends in average
pooling, dropout 0.5 and one Dense layer: `minception+linear:dropout=0.5`. Its listing drops the
dropout's output, so that it trained without: `minception:published=true+linear`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from keras import layers

from zoo.api import Features, Tensor, scaled

Conv = Callable[..., Tensor]
"""Convolution, batch normalisation and ReLU: conv(x, filters, size, name=..., strides=1)."""

# Residual branches are damped before they are added: section 3.3 of the paper.
RESIDUAL_SCALE = 0.1


def minception(inputs: Tensor, *, width: float = 1.0, published: bool = False) -> Features:
    """Small Inception-ResNet that learns Tiny ImageNet from scratch.

    The book's listing makes the second convolution of block A's middle branch 1x1 where the
    design, Inception-ResNet-A, has 3x3.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 16.
        width: Factor on every number of filters.
        published: Build the book's listing, with its 1x1, in place of the design.

    Returns:
        Taps `stem` and `block_a` at stride 8, `block_b` at stride 16.
    """
    conv = partial(_conv, width=width)
    stem = _stem(inputs, conv)
    block_a = _block_a(stem, conv, middle=1 if published else 3)
    x = _reduction(block_a, conv)
    x = _block_b(x, conv, name="block_b1")
    x = _block_b(x, conv, name="block_b2")
    return {"stem": stem, "block_a": block_a, "block_b": x}


def _stem(x: Tensor, conv: Conv) -> Tensor:
    """Stride 8, 384 channels."""
    x = conv(x, 32, 3, strides=2, name="stem_1")
    x = conv(x, 32, 3, name="stem_2")
    x = conv(x, 64, 3, name="stem_3")
    pooled = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_4_pool")(x)
    strided = conv(x, 96, 3, strides=2, name="stem_4")
    x = layers.Concatenate(name="stem_4_mixed")([pooled, strided])
    short = conv(x, 64, 1, name="stem_5a_1")
    short = conv(short, 96, 3, name="stem_5a_2")
    long = conv(x, 64, 1, name="stem_5b_1")
    long = conv(long, 64, (7, 1), name="stem_5b_2")
    long = conv(long, 64, (1, 7), name="stem_5b_3")
    long = conv(long, 96, 3, name="stem_5b_4")
    x = layers.Concatenate(name="stem_5_mixed")([short, long])
    pooled = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_6_pool")(x)
    strided = conv(x, 192, 3, strides=2, name="stem_6")
    return layers.Concatenate(name="stem_6_mixed")([pooled, strided])


def _block_a(x: Tensor, conv: Conv, *, middle: int) -> Tensor:
    first = conv(x, 32, 1, name="block_a_1")
    second = conv(x, 32, 1, name="block_a_2a")
    second = conv(second, 32, middle, name="block_a_2b")
    third = conv(x, 32, 1, name="block_a_3a")
    third = conv(third, 48, 3, name="block_a_3b")
    third = conv(third, 64, 3, name="block_a_3c")
    third = conv(third, 384, 1, name="block_a_3d")
    return _residual(x, [first, second, third], name="block_a")


def _reduction(x: Tensor, conv: Conv) -> Tensor:
    """Stride 16, 1152 channels."""
    first = conv(x, 256, 3, strides=2, name="reduction_1a")
    first = conv(first, 256, 3, name="reduction_1b")
    first = conv(first, 384, 3, name="reduction_1c")
    second = conv(x, 384, 3, strides=2, name="reduction_2")
    pooled = layers.MaxPooling2D(3, strides=2, padding="same", name="reduction_3_pool")(x)
    return layers.Concatenate(name="reduction_mixed")([first, second, pooled])


def _block_b(x: Tensor, conv: Conv, *, name: str) -> Tensor:
    first = conv(x, 192, 1, name=f"{name}_1")
    second = conv(x, 128, 1, name=f"{name}_2a")
    second = conv(second, 160, (1, 7), name=f"{name}_2b")
    second = conv(second, 192, (7, 1), name=f"{name}_2c")
    return _residual(x, [first, second], name=name)


def _residual(x: Tensor, branches: list[Tensor], *, name: str) -> Tensor:
    """The branches, brought to the channels of `x`, damped and added to it."""
    mixed = layers.Concatenate(name=f"{name}_mixed")(branches)
    mixed = _linear(mixed, x.shape[-1], 1, name=f"{name}_project")
    mixed = layers.Rescaling(RESIDUAL_SCALE, name=f"{name}_scale")(mixed)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, mixed]))


def _conv(
    x: Tensor,
    filters: int,
    size: int | tuple[int, int],
    *,
    width: float,
    name: str,
    strides: int = 1,
) -> Tensor:
    x = _linear(x, scaled(filters, width), size, strides=strides, name=name)
    return layers.ReLU(name=f"{name}_relu")(x)


def _linear(
    x: Tensor, filters: int, size: int | tuple[int, int], *, name: str, strides: int = 1
) -> Tensor:
    x = layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_uniform",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)
