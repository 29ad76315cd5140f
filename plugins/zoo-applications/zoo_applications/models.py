"""Every backbone of keras.applications, written by generate.py."""

from __future__ import annotations

from keras import applications

from zoo.api import Features, Tensor
from zoo_applications import taps
from zoo_applications.adapt import adapt


def convnext_tiny(inputs: Tensor) -> Features:
    """ConvNeXt Tiny, a ResNet with the design of transformers.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ConvNeXtTiny, inputs, taps.CONVNEXT, include_preprocessing=False)


def convnext_small(inputs: Tensor) -> Features:
    """ConvNeXt Small, a ResNet with the design of transformers.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ConvNeXtSmall, inputs, taps.CONVNEXT, include_preprocessing=False)


def convnext_base(inputs: Tensor) -> Features:
    """ConvNeXt Base, a ResNet with the design of transformers.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ConvNeXtBase, inputs, taps.CONVNEXT, include_preprocessing=False)


def convnext_large(inputs: Tensor) -> Features:
    """ConvNeXt Large, a ResNet with the design of transformers.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ConvNeXtLarge, inputs, taps.CONVNEXT, include_preprocessing=False)


def convnext_xlarge(inputs: Tensor) -> Features:
    """ConvNeXt XLarge, a ResNet with the design of transformers.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ConvNeXtXLarge, inputs, taps.CONVNEXT, include_preprocessing=False)


def densenet121(inputs: Tensor) -> Features:
    """DenseNet of 121 layers, where each reads all before it in its block.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.DenseNet121, inputs, taps.DENSENET)


def densenet169(inputs: Tensor) -> Features:
    """DenseNet of 169 layers, where each reads all before it in its block.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.DenseNet169, inputs, taps.DENSENET)


def densenet201(inputs: Tensor) -> Features:
    """DenseNet of 201 layers, where each reads all before it in its block.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.DenseNet201, inputs, taps.DENSENET)


def efficientnet_b0(inputs: Tensor) -> Features:
    """EfficientNet B0, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB0, inputs, taps.EFFICIENTNET)


def efficientnet_b1(inputs: Tensor) -> Features:
    """EfficientNet B1, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB1, inputs, taps.EFFICIENTNET)


def efficientnet_b2(inputs: Tensor) -> Features:
    """EfficientNet B2, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB2, inputs, taps.EFFICIENTNET)


def efficientnet_b3(inputs: Tensor) -> Features:
    """EfficientNet B3, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB3, inputs, taps.EFFICIENTNET)


def efficientnet_b4(inputs: Tensor) -> Features:
    """EfficientNet B4, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB4, inputs, taps.EFFICIENTNET)


def efficientnet_b5(inputs: Tensor) -> Features:
    """EfficientNet B5, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB5, inputs, taps.EFFICIENTNET)


def efficientnet_b6(inputs: Tensor) -> Features:
    """EfficientNet B6, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB6, inputs, taps.EFFICIENTNET)


def efficientnet_b7(inputs: Tensor) -> Features:
    """EfficientNet B7, depth, width and size of pictures scaled together.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.EfficientNetB7, inputs, taps.EFFICIENTNET)


def efficientnet_v2_b0(inputs: Tensor) -> Features:
    """EfficientNetV2 B0, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2B0,
        inputs,
        taps.EFFICIENTNET_V2_SMALL,
        include_preprocessing=False,
    )


def efficientnet_v2_b1(inputs: Tensor) -> Features:
    """EfficientNetV2 B1, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2B1,
        inputs,
        taps.EFFICIENTNET_V2_SMALL,
        include_preprocessing=False,
    )


def efficientnet_v2_b2(inputs: Tensor) -> Features:
    """EfficientNetV2 B2, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2B2,
        inputs,
        taps.EFFICIENTNET_V2_SMALL,
        include_preprocessing=False,
    )


def efficientnet_v2_b3(inputs: Tensor) -> Features:
    """EfficientNetV2 B3, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2B3,
        inputs,
        taps.EFFICIENTNET_V2_SMALL,
        include_preprocessing=False,
    )


def efficientnet_v2_s(inputs: Tensor) -> Features:
    """EfficientNetV2 S, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2S,
        inputs,
        taps.EFFICIENTNET_V2_SMALL,
        include_preprocessing=False,
    )


def efficientnet_v2_m(inputs: Tensor) -> Features:
    """EfficientNetV2 M, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2M, inputs, taps.EFFICIENTNET_V2, include_preprocessing=False
    )


def efficientnet_v2_l(inputs: Tensor) -> Features:
    """EfficientNetV2 L, smaller and quicker to train than the first.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.EfficientNetV2L, inputs, taps.EFFICIENTNET_V2, include_preprocessing=False
    )


def inception_resnet_v2(inputs: Tensor) -> Features:
    """Inception-ResNet v2, Inception blocks with residuals.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 75.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.InceptionResNetV2, inputs, taps.INCEPTION_RESNET_V2)


def inception_v3(inputs: Tensor) -> Features:
    """Inception v3, convolutions factorised into smaller ones.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 75.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.InceptionV3, inputs, taps.INCEPTION_V3)


def mobilenet(inputs: Tensor, *, width: float = 1.0) -> Features:
    """MobileNet, depthwise separable convolutions.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.MobileNet, inputs, taps.MOBILENET, alpha=width)


def mobilenet_v2(inputs: Tensor, *, width: float = 1.0) -> Features:
    """MobileNet v2, inverted residuals and linear bottlenecks.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.MobileNetV2, inputs, taps.MOBILENET_V2, alpha=width)


def mobilenet_v3_small(inputs: Tensor, *, width: float = 1.0) -> Features:
    """MobileNet v3 Small, found by search for phones.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.MobileNetV3Small,
        inputs,
        taps.MOBILENET_V3_SMALL,
        alpha=width,
        include_preprocessing=False,
    )


def mobilenet_v3_large(inputs: Tensor, *, width: float = 1.0) -> Features:
    """MobileNet v3 Large, found by search for phones.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.
        width: Factor on every number of filters.

    Returns:
        The last map of each stage.
    """
    return adapt(
        applications.MobileNetV3Large,
        inputs,
        taps.MOBILENET_V3_LARGE,
        alpha=width,
        include_preprocessing=False,
    )


def nasnet_mobile(inputs: Tensor) -> Features:
    """NASNet Mobile, of cells found by search.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.NASNetMobile, inputs, taps.NASNET_MOBILE)


def nasnet_large(inputs: Tensor) -> Features:
    """NASNet Large, of cells found by search.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.NASNetLarge, inputs, taps.NASNET_LARGE)


def resnet50(inputs: Tensor) -> Features:
    """ResNet of 50 layers, stride in the first 1x1 of a block.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ResNet50, inputs, taps.RESNET)


def resnet101(inputs: Tensor) -> Features:
    """ResNet of 101 layers, stride in the first 1x1 of a block.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ResNet101, inputs, taps.RESNET)


def resnet152(inputs: Tensor) -> Features:
    """ResNet of 152 layers, stride in the first 1x1 of a block.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ResNet152, inputs, taps.RESNET)


def resnet50_v2(inputs: Tensor) -> Features:
    """ResNet v2 of 50 layers, normalised before convolution.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ResNet50V2, inputs, taps.RESNET_V2)


def resnet101_v2(inputs: Tensor) -> Features:
    """ResNet v2 of 101 layers, normalised before convolution.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ResNet101V2, inputs, taps.RESNET_V2)


def resnet152_v2(inputs: Tensor) -> Features:
    """ResNet v2 of 152 layers, normalised before convolution.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 32.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.ResNet152V2, inputs, taps.RESNET_V2)


def xception(inputs: Tensor) -> Features:
    """Xception, Inception taken to its extreme.

    Args:
        inputs: Normalised pictures [N, h, w, 3], h and w at least 71.

    Returns:
        The last map of each stage.
    """
    return adapt(applications.Xception, inputs, taps.XCEPTION)
