"""A small residual network for pictures of 32 to 128 pixels, trained from scratch in seconds.

The residual blocks are those of He et al., arXiv:1512.03385, without bottlenecks.
"""

from __future__ import annotations

from keras import layers

from zoo.api import Features, Tensor, scaled

FILTERS = (24, 48, 96)

NARROW = 16
"""With fewer channels the gradient of a strided 1x1 convolution writes past its memory on a CPU.

TensorFlow 2.21, oneDNN: the process ends, some time later. So pixels are picked afterwards.
"""


def small_cnn(inputs: Tensor, *, width: float = 1.0) -> Features:
    """Seven 3x3 convolutions with batch normalisation in three residual blocks.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 16.
        width: Factor on every number of filters.

    Returns:
        Taps `stage1` to `stage3`, at strides 2, 4 and 8.
    """
    stem, *_ = filters = [scaled(count, width) for count in FILTERS]
    x = _conv(inputs, stem, 3, strides=2, name="stem")
    x = layers.ReLU(name="stem_relu")(x)
    taps = {}
    for stage, count in enumerate(filters, start=1):
        x = _residual(x, count, strides=1 if stage == 1 else 2, name=f"stage{stage}")
        taps[f"stage{stage}"] = x
    return taps


def _residual(x: Tensor, filters: int, *, strides: int, name: str) -> Tensor:
    shortcut = x
    if strides > 1:
        narrow = x.shape[-1] < NARROW
        shortcut = _conv(x, filters, 1, strides=1 if narrow else strides, name=f"{name}_shortcut")
        if narrow:
            shortcut = layers.MaxPooling2D(1, strides, name=f"{name}_shortcut_pick")(shortcut)
    x = _conv(x, filters, 3, strides=strides, name=f"{name}_1")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _conv(x, filters, 3, name=f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_out")(x)


def _conv(x: Tensor, filters: int, size: int, *, name: str, strides: int = 1) -> Tensor:
    x = layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_uniform",
        name=f"{name}_conv",
    )(x)
    # A small folder gives a few dozen steps; a momentum of 0.99 would still recall the start.
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
