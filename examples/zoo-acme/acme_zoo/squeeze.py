"""SqueezeNet's fire modules: squeeze to few channels, expand with 1x1 and 3x3 side by side."""

from __future__ import annotations

from keras import layers

from zoo.api import Features, Tensor, scaled


def squeeze(inputs: Tensor, *, width: float = 1.0) -> Features:
    """SqueezeNet 1.1: half a million parameters in eight fire modules.

    Forrest Iandola et al., SqueezeNet (arXiv:1602.07360).

    Args:
        inputs: Pictures, [N,H,W,3], normalised.
        width: Factor on the number of channels, above 0.

    Returns:
        Taps `stage1` to `stage3`, at strides 4, 8 and 16.
    """
    x = _convolution(inputs, scaled(64, width), 3, "stem", strides=2)
    taps = {}
    for stage, channels in enumerate(((16, 16), (32, 32), (48, 48, 64, 64)), 1):
        x = layers.MaxPooling2D(3, 2, padding="same", name=f"stage{stage}_pool")(x)
        for block, few in enumerate(channels, 1):
            x = _fire(x, scaled(few, width), f"stage{stage}_fire{block}")
        taps[f"stage{stage}"] = x
    return taps


def _fire(x: Tensor, few: int, name: str) -> Tensor:
    x = _convolution(x, few, 1, f"{name}_squeeze")
    one = _convolution(x, 4 * few, 1, f"{name}_expand1")
    three = _convolution(x, 4 * few, 3, f"{name}_expand3")
    return layers.Concatenate(name=name)([one, three])


def _convolution(x: Tensor, filters: int, size: int, name: str, strides: int = 1) -> Tensor:
    return layers.Conv2D(
        filters,
        size,
        strides,
        padding="same",
        activation="relu",
        # Without batch normalisation Keras' own start halves what passes, layer after layer.
        kernel_initializer="he_normal",
        name=name,
    )(x)
