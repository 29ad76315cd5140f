"""Minception, a small Inception-ResNet for 56 to 64 pixels: TensorFlow in Action, chapter 7.

The blocks are those of Szegedy et al., arXiv:1602.07261. The book's network ends in average
pooling, dropout 0.5 and one Dense layer: `minception+linear:dropout=0.5`.
"""

from __future__ import annotations

import keras
from keras import layers

# Residual branches are damped before they are added: section 3.3 of the paper.
RESIDUAL_SCALE = 0.1


def minception(
    inputs: keras.KerasTensor, *, width: float = 1.0, published: bool = False
) -> dict[str, keras.KerasTensor]:
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

    def conv(
        x: keras.KerasTensor,
        filters: int,
        size: int | tuple[int, int],
        *,
        name: str,
        strides: int = 1,
        activation: bool = True,
    ) -> keras.KerasTensor:
        x = layers.Conv2D(
            max(1, round(filters * width)),
            size,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_uniform",
            name=f"{name}_conv",
        )(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x) if activation else x

    def residual(
        x: keras.KerasTensor, branches: list[keras.KerasTensor], *, name: str
    ) -> keras.KerasTensor:
        mixed = layers.Concatenate(name=f"{name}_mixed")(branches)
        mixed = layers.Conv2D(
            x.shape[-1],
            1,
            use_bias=False,
            kernel_initializer="he_uniform",
            name=f"{name}_project_conv",
        )(mixed)
        mixed = layers.BatchNormalization(name=f"{name}_project_bn")(mixed)
        mixed = layers.Rescaling(RESIDUAL_SCALE, name=f"{name}_scale")(mixed)
        return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, mixed]))

    def stem(x: keras.KerasTensor) -> keras.KerasTensor:
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

    def block_a(x: keras.KerasTensor) -> keras.KerasTensor:
        first = conv(x, 32, 1, name="block_a_1")
        second = conv(x, 32, 1, name="block_a_2a")
        second = conv(second, 32, 1 if published else 3, name="block_a_2b")
        third = conv(x, 32, 1, name="block_a_3a")
        third = conv(third, 48, 3, name="block_a_3b")
        third = conv(third, 64, 3, name="block_a_3c")
        third = conv(third, 384, 1, name="block_a_3d")
        return residual(x, [first, second, third], name="block_a")

    def reduction(x: keras.KerasTensor) -> keras.KerasTensor:
        first = conv(x, 256, 3, strides=2, name="reduction_1a")
        first = conv(first, 256, 3, name="reduction_1b")
        first = conv(first, 384, 3, name="reduction_1c")
        second = conv(x, 384, 3, strides=2, name="reduction_2")
        pooled = layers.MaxPooling2D(3, strides=2, padding="same", name="reduction_3_pool")(x)
        return layers.Concatenate(name="reduction_mixed")([first, second, pooled])

    def block_b(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        first = conv(x, 192, 1, name=f"{name}_1")
        second = conv(x, 128, 1, name=f"{name}_2a")
        second = conv(second, 160, (1, 7), name=f"{name}_2b")
        second = conv(second, 192, (7, 1), name=f"{name}_2c")
        return residual(x, [first, second], name=name)

    taps = {"stem": stem(inputs)}
    taps["block_a"] = block_a(taps["stem"])
    taps["block_b"] = block_b(block_b(reduction(taps["block_a"]), "block_b1"), "block_b2")
    return taps
