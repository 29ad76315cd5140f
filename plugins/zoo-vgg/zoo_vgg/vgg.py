"""VGG, plain and with batch normalisation: Simonyan and Zisserman, arXiv:1409.1556.

Layer names are those of keras.applications (`block1_conv1` ... `block5_pool`), so that its VGG16
and VGG19 weights load by name. The taps are the five pooled maps; any map before a pool is
reached by its layer's name, e.g. `block5_conv3`.
"""

from __future__ import annotations

from keras import layers

from zoo.api import Features, Tensor, scaled

# Convolutions in each of the five blocks: columns A, B, D and E of the paper's table 1.
VGG11 = (1, 1, 2, 2, 2)
VGG13 = (2, 2, 2, 2, 2)
VGG16 = (2, 2, 3, 3, 3)
VGG19 = (2, 2, 4, 4, 4)

FILTERS = (64, 128, 256, 512, 512)


def vgg11(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG with 8 convolutions in 5 blocks, the shallowest of the paper.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _plain(inputs, VGG11, width)


def vgg13(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG with 10 convolutions in 5 blocks.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _plain(inputs, VGG13, width)


def vgg16(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG with 13 convolutions in 5 blocks, the classic of transfer learning.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _plain(inputs, VGG16, width)


def vgg19(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG with 16 convolutions in 5 blocks, the deepest of the paper.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _plain(inputs, VGG19, width)


def vgg11bn(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG11 with batch normalisation after every convolution.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _normalised(inputs, VGG11, width)


def vgg13bn(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG13 with batch normalisation after every convolution.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _normalised(inputs, VGG13, width)


def vgg16bn(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG16 with batch normalisation after every convolution; trains from scratch.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _normalised(inputs, VGG16, width)


def vgg19bn(inputs: Tensor, *, width: float = 1.0) -> Features:
    """VGG19 with batch normalisation after every convolution; trains from scratch.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        Taps `block1` to `block5`, at strides 2 to 32.
    """
    return _normalised(inputs, VGG19, width)


def _plain(x: Tensor, depths: tuple[int, ...], width: float) -> Features:
    taps = {}
    for block, (depth, filters) in enumerate(zip(depths, FILTERS, strict=True), start=1):
        for conv in range(1, depth + 1):
            x = layers.Conv2D(
                scaled(filters, width),
                3,
                padding="same",
                activation="relu",
                # Keras' default initialiser halves the signal at every ReLU, and a deep plain
                # network then does not start to learn.
                kernel_initializer="he_uniform",
                name=f"block{block}_conv{conv}",
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        taps[f"block{block}"] = x
    return taps


def _normalised(x: Tensor, depths: tuple[int, ...], width: float) -> Features:
    taps = {}
    for block, (depth, filters) in enumerate(zip(depths, FILTERS, strict=True), start=1):
        for conv in range(1, depth + 1):
            # Published VGG-BN weights hold a bias beside the normalisation, so it stays.
            x = layers.Conv2D(
                scaled(filters, width), 3, padding="same", name=f"block{block}_conv{conv}"
            )(x)
            # Epsilon and momentum of the published weights (torch writes momentum as 0.1).
            x = layers.BatchNormalization(
                epsilon=1e-5, momentum=0.9, name=f"block{block}_bn{conv}"
            )(x)
            x = layers.ReLU(name=f"block{block}_relu{conv}")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        taps[f"block{block}"] = x
    return taps
