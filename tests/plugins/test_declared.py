"""What manifests declare of backbones: held to what is built, and to what was published."""

from __future__ import annotations

import pytest

import zoo
from zoo import registry
from zoo.engine import cost

BACKBONES = {
    part.id: part
    for part in registry.load().parts(kind="backbone")
    if part.distribution == "keras-zoo"
}
SMALL = ("small-cnn", "mobilenet-v3-small")
VGG_CLASSIFIER = 25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000

# Exact: the README of keras-applications, with 1000 classes after the mean of the last map.
KERAS = {
    "densenet121": 8_062_504,
    "densenet169": 14_307_880,
    "densenet201": 20_242_984,
    "inception-resnet-v2": 55_873_736,
    "inception-v3": 23_851_784,
    "mobilenet": 4_253_864,
    "mobilenet-v2": 3_538_984,
    "nasnet-large": 88_949_818,
    "nasnet-mobile": 5_326_716,
    "resnet50": 25_636_712,
    "resnet50-v2": 25_613_800,
    "resnet101": 44_707_176,
    "resnet101-v2": 44_675_560,
    "resnet152": 60_419_944,
    "resnet152-v2": 60_380_648,
    "xception": 22_910_480,
}

# In millions, with one place: keras.io/api/applications.
KERAS_MILLIONS = {
    "convnext-tiny": 28.6,
    "convnext-small": 50.2,
    "convnext-base": 88.6,
    "convnext-large": 197.8,
    "convnext-xlarge": 350.2,
    "efficientnet-b0": 5.3,
    "efficientnet-b1": 7.9,
    "efficientnet-b2": 9.2,
    "efficientnet-b3": 12.3,
    "efficientnet-b4": 19.5,
    "efficientnet-b5": 30.6,
    "efficientnet-b6": 43.3,
    "efficientnet-b7": 66.7,
    "efficientnet-v2-b0": 7.2,
    "efficientnet-v2-b1": 8.2,
    "efficientnet-v2-b2": 10.2,
    "efficientnet-v2-b3": 14.5,
    "efficientnet-v2-s": 21.6,
    "efficientnet-v2-m": 54.4,
    "efficientnet-v2-l": 119.0,
}

# torchvision's weight metadata, and the statistics of normalisation that it does not count.
TORCH = {
    "inception-v1": (6_624_904, 14_560),
    "inception-v3-torch": (23_834_568, 34_432),
    "resnet18": (11_689_512, 9_600),
    "resnet34": (21_797_672, 17_024),
    "resnet50-v1.5": (25_557_032, 53_120),
    "resnet101-v1.5": (44_549_160, 105_344),
    "resnet152-v1.5": (60_192_808, 151_424),
    "vgg11": (132_863_336, 0),
    "vgg11bn": (132_868_840, 5_504),
    "vgg13": (133_047_848, 0),
    "vgg13bn": (133_053_736, 5_888),
    "vgg16": (138_357_544, 0),
    "vgg16bn": (138_365_992, 8_448),
    "vgg19": (143_667_240, 0),
    "vgg19bn": (143_678_248, 11_008),
}

# Nothing to compare with: the paper's network has another end, or is our own or a book's.
UNPUBLISHED = {"minception", "mobilenet-v3-large", "mobilenet-v3-small", "small-cnn"}


def test_every_backbone_has_a_published_count() -> None:
    assert {*KERAS, *KERAS_MILLIONS, *TORCH, *UNPUBLISHED} == set(BACKBONES)


@pytest.mark.parametrize(("name", "published"), KERAS.items())
def test_parameters_are_those_of_keras_applications(name: str, published: int) -> None:
    assert _with_classifier(name) == published


@pytest.mark.parametrize(("name", "published"), KERAS_MILLIONS.items())
def test_parameters_are_those_that_keras_rounds(name: str, published: float) -> None:
    assert round(_with_classifier(name) / 1e6, 1) == published


@pytest.mark.parametrize(("name", "trainable", "statistics"), [(n, *c) for n, c in TORCH.items()])
def test_parameters_are_those_of_torchvision(name: str, trainable: int, statistics: int) -> None:
    if name.startswith("vgg"):
        found = BACKBONES[name].parameters + VGG_CLASSIFIER
    else:
        found = _with_classifier(name)
    assert found == trainable + statistics


def _with_classifier(name: str) -> int:
    *_, (_, channels) = BACKBONES[name].taps.values()
    return BACKBONES[name].parameters + channels * 1000 + 1000


@pytest.mark.parametrize(
    "name", [*SMALL, *(pytest.param(each, marks=pytest.mark.slow) for each in BACKBONES)]
)
def test_what_is_declared_is_what_is_built(name: str) -> None:
    part = BACKBONES[name]
    built = cost.declaration(zoo.build(f"{name}+linear", classes=2))
    assert built == {
        "parameters": part.parameters,
        "macs": part.macs,
        "taps": {tap: list(facts) for tap, facts in part.taps.items()},
    }
    assert list(built["taps"]) == list(part.taps)


# GMACs that others publish, to their last digit: the metadata of torchvision's weights, which
# holds the classifier, here the mean of the last map and one matrix.
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("resnet18", 1.814),
        ("resnet34", 3.664),
        ("resnet50-v1.5", 4.089),
        ("resnet101-v1.5", 7.801),
        ("resnet152-v1.5", 11.514),
        ("inception-v1", 1.498),
        ("inception-v3-torch", 5.713),
    ],
)
def test_multiplications_are_those_of_torchvision(name: str, published: float) -> None:
    *_, (_, channels) = BACKBONES[name].taps.values()
    assert round((BACKBONES[name].macs + channels * 1000) / 1e9, 3) == published
