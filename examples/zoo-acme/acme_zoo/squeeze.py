"""SqueezeNet's fire modules: squeeze to few channels, expand with 1x1 and 3x3 side by side."""

from __future__ import annotations

from keras import layers

from zoo.api import Features, Tensor


def squeeze(inputs: Tensor, *, width: float = 1.0) -> Features:
    """SqueezeNet 1.1: half a million parameters in eight fire modules.

    Forrest Iandola et al., SqueezeNet (arXiv:1602.07360).

    Args:
        inputs: Pictures, [N,H,W,3], normalised.
        width: Factor on the number of channels.

    Returns:
        Taps `stage1` to `stage3`, at strides 4, 8 and 16.
    """
    x = layers.Conv2D(round(64 * width), 3, 2, padding="same", activation="relu", name="stem")(
        inputs
    )
    taps = {}
    for stage, channels in enumerate(((16, 16), (32, 32), (48, 48, 64, 64)), 1):
        x = layers.MaxPooling2D(3, 2, padding="same", name=f"stage{stage}_pool")(x)
        for block, few in enumerate(channels, 1):
            x = _fire(x, round(few * width), f"stage{stage}_fire{block}")
        taps[f"stage{stage}"] = x
    return taps


def _fire(x: Tensor, few: int, name: str) -> Tensor:
    x = layers.Conv2D(few, 1, activation="relu", name=f"{name}_squeeze")(x)
    one = layers.Conv2D(4 * few, 1, activation="relu", name=f"{name}_expand1")(x)
    three = layers.Conv2D(4 * few, 3, padding="same", activation="relu", name=f"{name}_expand3")(x)
    return layers.Concatenate(name=name)([one, three])
