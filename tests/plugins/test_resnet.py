"""ResNet against published counts and what tells version 1.5 from version 1."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from zoo_resnet import resnet

import zoo

TORCHVISION = {
    # Trainable parameters and normalisation statistics of torchvision's models.
    "resnet18": (11_689_512, 9_600),
    "resnet34": (21_797_672, 17_024),
    "resnet50-v1.5": (25_557_032, 53_120),
    "resnet101-v1.5": (44_549_160, 105_344),
    "resnet152-v1.5": (60_192_808, 151_424),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_has_the_published_number_of_parameters(name: str) -> None:
    inputs = keras.Input((32, 32, 3))
    *_, last = getattr(resnet, name.replace("-", "_").replace(".", "_"))(inputs).values()
    model = keras.Model(inputs, last)
    trainable, statistics = (
        sum(int(np.prod(variable.shape)) for variable in variables)
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    assert trainable + last.shape[-1] * 1000 + 1000 == TORCHVISION[name][0]
    assert statistics == TORCHVISION[name][1]


@pytest.mark.parametrize("size", [32, 64, 97, 224])
def test_every_stride_rounds_up(size: int) -> None:
    taps = resnet.resnet50_v1_5(keras.Input((size, size, 3)), width=0.0625)
    extents, extent = [], size
    for _ in taps:
        extent = -(-extent // 2)
        extents.append(extent)
    assert list(taps) == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert [tuple(tap.shape[1:]) for tap in taps.values()] == [
        (extent, extent, channels)
        for extent, channels in zip(extents, [4, 16, 32, 64, 128], strict=True)
    ]


def test_stride_stands_in_the_3x3() -> None:
    model = zoo.build("resnet50-v1.5:width=0.0625+linear", classes=2, input_size=64)
    strides = [
        model.get_layer(f"stage2_block1_{name}").strides[0]
        for name in ("conv1", "conv2", "conv3", "down_conv")
    ]
    assert strides == [1, 2, 1, 2]


def test_normalisation_has_the_constants_of_the_published_weights() -> None:
    model = zoo.build("resnet34:width=0.0625+linear", classes=2, input_size=32)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 36
    assert {(layer.epsilon, layer.momentum) for layer in norms} == {(1e-5, 0.9)}


def test_residual_block_adds_its_shortcut_before_the_relu() -> None:
    inputs = keras.Input((32, 32, 3))
    taps = resnet.resnet18(inputs, width=0.0625)
    model = keras.Model(inputs, taps)
    names = ("stage2_block1_bn2", "stage2_block1_down_bn", "stage2_block1_out")
    names += ("stage2_block2_bn2",)
    probe = keras.Model(inputs, [*(model.get_layer(n).output for n in names), taps["stage2"]])
    x = np.random.default_rng(0).normal(0, 1, (2, 32, 32, 3)).astype("float32")
    branch1, down1, out1, branch2, stage2 = probe.predict(x, verbose=0)
    np.testing.assert_allclose(out1, np.maximum(branch1 + down1, 0), atol=1e-6)
    np.testing.assert_allclose(stage2, np.maximum(out1 + branch2, 0), atol=1e-6)
