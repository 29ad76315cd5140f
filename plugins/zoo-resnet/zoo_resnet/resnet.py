"""ResNet as torchvision and timm train it: He et al., arXiv:1512.03385, in version 1.5.

Version 1.5 puts the stride of a bottleneck into its 3x3 convolution and not into the first 1x1
(Goyal et al., arXiv:1706.02677); weights of one fit the other and give nonsense. Borders are padded
alike on both sides, where `same` pads an even picture more at its end. The basic blocks of the two
shallow networks have no such choice.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from zoo.api import Features, Tensor

FILTERS = (64, 128, 256, 512)
EXPANSION = 4

Block = Callable[..., Tensor]
"""One residual branch: block(x, filters, strides, name) with as many channels as the sum."""


def resnet18(inputs: Tensor, *, width: float = 1.0) -> Features:
    """ResNet with 18 layers, two basic blocks in each of 4 stages.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `stem` at stride 2, `stage1` to `stage4` at strides 4 to 32.
    """
    return _resnet(inputs, (2, 2, 2, 2), _basic, 1, width)


def resnet34(inputs: Tensor, *, width: float = 1.0) -> Features:
    """ResNet with 34 layers, basic blocks in 4 stages.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `stem` at stride 2, `stage1` to `stage4` at strides 4 to 32.
    """
    return _resnet(inputs, (3, 4, 6, 3), _basic, 1, width)


def resnet50_v1_5(inputs: Tensor, *, width: float = 1.0) -> Features:
    """ResNet with 50 layers, the stride in the 3x3 convolution as in torchvision and timm.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `stem` at stride 2, `stage1` to `stage4` at strides 4 to 32.
    """
    return _resnet(inputs, (3, 4, 6, 3), _bottleneck, EXPANSION, width)


def resnet101_v1_5(inputs: Tensor, *, width: float = 1.0) -> Features:
    """ResNet with 101 layers, the stride in the 3x3 convolution as in torchvision and timm.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `stem` at stride 2, `stage1` to `stage4` at strides 4 to 32.
    """
    return _resnet(inputs, (3, 4, 23, 3), _bottleneck, EXPANSION, width)


def resnet152_v1_5(inputs: Tensor, *, width: float = 1.0) -> Features:
    """ResNet with 152 layers, the stride in the 3x3 convolution as in torchvision and timm.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `stem` at stride 2, `stage1` to `stage4` at strides 4 to 32.
    """
    return _resnet(inputs, (3, 8, 36, 3), _bottleneck, EXPANSION, width)


def _resnet(
    x: Tensor, depths: tuple[int, ...], block: Block, expansion: int, width: float
) -> Features:
    x = _conv(x, _scaled(FILTERS[0], width), 7, strides=2, name="stem_")
    x = layers.ReLU(name="stem_relu")(x)
    taps = {"stem": x}
    # After a ReLU a border of zeros is as good as the border of -inf that torch pools with.
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    for stage, (depth, filters) in enumerate(zip(depths, FILTERS, strict=True), start=1):
        filters = _scaled(filters, width)
        for index in range(1, depth + 1):
            strides = 2 if stage > 1 and index == 1 else 1
            x = _residual(x, filters, filters * expansion, strides, block, index, stage)
        taps[f"stage{stage}"] = x
    return taps


def _residual(
    x: Tensor, filters: int, channels: int, strides: int, block: Block, index: int, stage: int
) -> Tensor:
    """The branch added to its input, which is projected where the shapes differ."""
    name = f"stage{stage}_block{index}_"
    branch = block(x, filters, strides, name)
    if strides > 1 or x.shape[-1] != channels:
        x = _conv(x, channels, 1, strides=strides, name=f"{name}down_")
    x = layers.Add(name=f"{name}add")([x, branch])
    return layers.ReLU(name=f"{name}out")(x)


def _basic(x: Tensor, filters: int, strides: int, name: str) -> Tensor:
    x = _conv(x, filters, 3, strides=strides, name=name, index=1)
    x = layers.ReLU(name=f"{name}relu1")(x)
    return _conv(x, filters, 3, name=name, index=2)


def _bottleneck(x: Tensor, filters: int, strides: int, name: str) -> Tensor:
    x = _conv(x, filters, 1, name=name, index=1)
    x = layers.ReLU(name=f"{name}relu1")(x)
    x = _conv(x, filters, 3, strides=strides, name=name, index=2)
    x = layers.ReLU(name=f"{name}relu2")(x)
    return _conv(x, EXPANSION * filters, 1, name=name, index=3)


def _conv(
    x: Tensor, filters: int, size: int, *, name: str, strides: int = 1, index: int | str = ""
) -> Tensor:
    """Convolution and normalisation, half the kernel of zeros on every side."""
    if strides > 1 and size > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}pad{index}")(x)
    x = layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2, "fan_out", "untruncated_normal"),
        name=f"{name}conv{index}",
    )(x)
    # Epsilon and momentum of the published weights (torch writes momentum as 0.1).
    return layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}bn{index}")(x)


def _scaled(filters: int, width: float) -> int:
    return max(1, round(filters * width))
