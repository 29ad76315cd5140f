"""Inception v1, the GoogLeNet of Szegedy et al., arXiv:1409.4842.

By default the network that published weights are of: every convolution is followed by batch
normalisation, and the block's third branch has 3x3 kernels. `variant=paper` has the paper's 5x5
kernels and biases in place of normalisation; it leaves out the local response normalisation, which
later work found to be of no use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from keras import layers

from zoo.api import Features, Tensor

Conv = Callable[..., Tensor]
"""Convolution and ReLU: conv(x, filters, size, name=..., strides=1)."""

# 1x1; 1x1 before 3x3, 3x3; 1x1 before 5x5, 5x5; 1x1 after the pool: table 1 of the paper.
BLOCKS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}

# Up to this many pixels the usual stem leaves two or fewer places of the picture.
SMALL = 64


def inception_v1(
    inputs: Tensor,
    *,
    width: float = 1.0,
    variant: Literal["bn", "paper"] = "bn",
    stem: Literal["auto", "full", "small"] = "auto",
) -> Features:
    """GoogLeNet: nine Inception blocks of parallel 1x1, 3x3 and pooled branches.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.
        variant: `bn` normalises after every convolution and has 3x3 kernels in the third branch,
            as published weights; `paper` has 5x5 kernels and no normalisation.
        stem: `full` has stride 8 before the first block; `small` has stride 2, which brings 56
            pixels to 7x7 at the end; `auto` is small up to 64 pixels. No weight depends on it.

    Returns:
        Taps `conv1`, `conv3`, and each block by name; the paper's auxiliary classifiers read
        `inception4a` and `inception4d`.
    """
    if stem == "auto":
        stem = "small" if min(inputs.shape[1:3]) <= SMALL else "full"
    conv = _convolution(variant, width)
    taps = {}
    x = conv(inputs, 64, 7, strides=2 if stem == "full" else 1, name="conv1")
    taps["conv1"] = x
    x = _pool(x, 3, name="pool1")
    x = conv(x, 64, 1, name="conv2")
    x = conv(x, 192, 3, name="conv3")
    taps["conv3"] = x
    if stem == "full":
        x = _pool(x, 3, name="pool2")
    for name, filters in BLOCKS.items():
        if name == "inception4a":
            x = _pool(x, 3, name="pool3")
        elif name == "inception5a":
            x = _pool(x, 2 if variant == "bn" else 3, name="pool4")
        x = _block(x, filters, conv, third=3 if variant == "bn" else 5, name=name)
        taps[name] = x
    return taps


def _block(x: Tensor, filters: tuple[int, ...], conv: Conv, *, third: int, name: str) -> Tensor:
    first = conv(x, filters[0], 1, name=f"{name}_1")
    second = conv(x, filters[1], 1, name=f"{name}_2a")
    second = conv(second, filters[2], 3, name=f"{name}_2b")
    last = conv(x, filters[3], 1, name=f"{name}_3a")
    last = conv(last, filters[4], third, name=f"{name}_3b")
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_4_pool")(x)
    pooled = conv(pooled, filters[5], 1, name=f"{name}_4")
    return layers.Concatenate(name=f"{name}_mixed")([first, second, last, pooled])


def _pool(x: Tensor, size: int, *, name: str) -> Tensor:
    """Max pooling of stride 2 that keeps what is left over at the right and at the bottom."""
    # Zeros are as good as minus infinity after a ReLU.
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(size, strides=2, name=name)(x)


def _convolution(variant: str, width: float) -> Conv:
    def conv(x: Tensor, filters: int, size: int, *, name: str, strides: int = 1) -> Tensor:
        if strides > 1:  # 'same' pads less on the left and above at even sizes
            x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        x = layers.Conv2D(
            max(1, round(filters * width)),
            size,
            strides=strides,
            padding="valid" if strides > 1 else "same",
            use_bias=variant == "paper",
            kernel_initializer="he_uniform",
            name=f"{name}_conv",
        )(x)
        if variant == "bn":
            # Momentum of the published weights; torch writes it as 0.1.
            x = layers.BatchNormalization(epsilon=1e-3, momentum=0.9, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    return conv
