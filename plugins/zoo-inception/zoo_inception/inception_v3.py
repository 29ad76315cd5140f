"""Inception v3 as torchvision and timm run it: Szegedy et al., arXiv:1512.00567.

Layers and taps have torchvision's names in small letters. Three things tell it from the graph of
keras.applications, and none shows in a shape: its average pools count the border of zeros, its
normalisations have a gamma, and their momentum is 0.9.
"""

from __future__ import annotations

from keras import layers

from zoo.api import Features, Tensor


def inception_v3_torch(inputs: Tensor, *, width: float = 1.0) -> Features:
    """Inception v3 as torchvision and timm train it, average pools counting their border.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 75.
        width: Factor on every number of filters.

    Returns:
        Taps `stem` and `mixed_5b` to `mixed_5d` at stride 8, `mixed_6a` to `mixed_6e` at stride
        16, `mixed_7a` to `mixed_7c` at stride 32.
    """
    net = _Convolutions(width)
    x = net(inputs, "conv2d_1a_3x3", 32, 3, strides=2)
    x = net(x, "conv2d_2a_3x3", 32, 3, padding="valid")
    x = net(x, "conv2d_2b_3x3", 64, 3)
    x = layers.MaxPooling2D(3, strides=2, name="maxpool1")(x)
    x = net(x, "conv2d_3b_1x1", 80, 1)
    x = net(x, "conv2d_4a_3x3", 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, strides=2, name="maxpool2")(x)
    taps = {"stem": x}
    for name, pooled in (("mixed_5b", 32), ("mixed_5c", 64), ("mixed_5d", 64)):
        taps[name] = x = _block_a(x, net, name, pooled)
    taps["mixed_6a"] = x = _block_b(x, net, "mixed_6a")
    for name, inner in (("mixed_6b", 128), ("mixed_6c", 160), ("mixed_6d", 160), ("mixed_6e", 192)):
        taps[name] = x = _block_c(x, net, name, inner)
    taps["mixed_7a"] = x = _block_d(x, net, "mixed_7a")
    for name in ("mixed_7b", "mixed_7c"):
        taps[name] = x = _block_e(x, net, name)
    return taps


class _Convolutions:
    """Convolution, normalisation and ReLU, each module named as in torchvision."""

    def __init__(self, width: float) -> None:
        self.width = width

    def __call__(
        self,
        x: Tensor,
        name: str,
        filters: int,
        size: int | tuple[int, int],
        *,
        strides: int = 1,
        padding: str = "same",
    ) -> Tensor:
        x = layers.Conv2D(
            max(1, round(filters * self.width)),
            size,
            strides=strides,
            padding="valid" if strides > 1 else padding,
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        x = layers.BatchNormalization(epsilon=1e-3, momentum=0.9, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)


def _block_a(x: Tensor, net: _Convolutions, name: str, pooled: int) -> Tensor:
    """35x35 places at the native size."""
    single = net(x, f"{name}_branch1x1", 64, 1)
    five = net(x, f"{name}_branch5x5_1", 48, 1)
    five = net(five, f"{name}_branch5x5_2", 64, 5)
    double = net(x, f"{name}_branch3x3dbl_1", 64, 1)
    double = net(double, f"{name}_branch3x3dbl_2", 96, 3)
    double = net(double, f"{name}_branch3x3dbl_3", 96, 3)
    return _joined(name, single, five, double, _pooled(x, net, name, pooled))


def _block_b(x: Tensor, net: _Convolutions, name: str) -> Tensor:
    """35x35 places to 17x17."""
    three = net(x, f"{name}_branch3x3", 384, 3, strides=2)
    double = net(x, f"{name}_branch3x3dbl_1", 64, 1)
    double = net(double, f"{name}_branch3x3dbl_2", 96, 3)
    double = net(double, f"{name}_branch3x3dbl_3", 96, 3, strides=2)
    return _joined(name, three, double, layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(x))


def _block_c(x: Tensor, net: _Convolutions, name: str, inner: int) -> Tensor:
    """17x17 places, kernels of 7x7 in two halves."""
    single = net(x, f"{name}_branch1x1", 192, 1)
    seven = net(x, f"{name}_branch7x7_1", inner, 1)
    seven = net(seven, f"{name}_branch7x7_2", inner, (1, 7))
    seven = net(seven, f"{name}_branch7x7_3", 192, (7, 1))
    double = net(x, f"{name}_branch7x7dbl_1", inner, 1)
    double = net(double, f"{name}_branch7x7dbl_2", inner, (7, 1))
    double = net(double, f"{name}_branch7x7dbl_3", inner, (1, 7))
    double = net(double, f"{name}_branch7x7dbl_4", inner, (7, 1))
    double = net(double, f"{name}_branch7x7dbl_5", 192, (1, 7))
    return _joined(name, single, seven, double, _pooled(x, net, name, 192))


def _block_d(x: Tensor, net: _Convolutions, name: str) -> Tensor:
    """17x17 places to 8x8."""
    three = net(x, f"{name}_branch3x3_1", 192, 1)
    three = net(three, f"{name}_branch3x3_2", 320, 3, strides=2)
    seven = net(x, f"{name}_branch7x7x3_1", 192, 1)
    seven = net(seven, f"{name}_branch7x7x3_2", 192, (1, 7))
    seven = net(seven, f"{name}_branch7x7x3_3", 192, (7, 1))
    seven = net(seven, f"{name}_branch7x7x3_4", 192, 3, strides=2)
    return _joined(name, three, seven, layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(x))


def _block_e(x: Tensor, net: _Convolutions, name: str) -> Tensor:
    """8x8 places, the last convolutions side by side."""
    single = net(x, f"{name}_branch1x1", 320, 1)
    three = net(x, f"{name}_branch3x3_1", 384, 1)
    wide = net(three, f"{name}_branch3x3_2a", 384, (1, 3))
    high = net(three, f"{name}_branch3x3_2b", 384, (3, 1))
    double = net(x, f"{name}_branch3x3dbl_1", 448, 1)
    double = net(double, f"{name}_branch3x3dbl_2", 384, 3)
    wider = net(double, f"{name}_branch3x3dbl_3a", 384, (1, 3))
    higher = net(double, f"{name}_branch3x3dbl_3b", 384, (3, 1))
    pooled = _pooled(x, net, name, 192)
    return _joined(name, single, wide, high, wider, higher, pooled)


def _pooled(x: Tensor, net: _Convolutions, name: str, filters: int) -> Tensor:
    """Average of 3x3 places, those of the border counting as zeros."""
    x = layers.ZeroPadding2D(1, name=f"{name}_pool_pad")(x)
    x = layers.AveragePooling2D(3, strides=1, name=f"{name}_pool")(x)
    return net(x, f"{name}_branch_pool", filters, 1)


def _joined(name: str, *branches: Tensor) -> Tensor:
    return layers.Concatenate(name=name)(list(branches))
