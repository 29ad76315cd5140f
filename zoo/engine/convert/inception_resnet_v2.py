"""Inception-ResNet v2 as timm writes it, into the graph of keras.applications.

The two compute the same but for the gamma of every normalisation, which Keras leaves out and which
is folded into the convolution before it. Most layers of the graph have a number for a name, in the
order in which timm makes its modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from zoo.engine.convert.table import Rows, conv, conv_and_norm_without_gamma, linear

EPSILON = 1e-3

_STEM = ("conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a")
_MIXED_5B = ("branch0", "branch1.0", "branch1.1", "branch2.0", "branch2.1", "branch2.2")
_MIXED_5B += ("branch3.1",)  # branch3.0 is the pool
_MIXED_6A = ("branch0", "branch1.0", "branch1.1", "branch1.2")
_MIXED_7A = ("branch0.0", "branch0.1", "branch1.0", "branch1.1")
_MIXED_7A += ("branch2.0", "branch2.1", "branch2.2")
_BLOCK35 = ("branch0", "branch1.0", "branch1.1", "branch2.0", "branch2.1", "branch2.2")
_BLOCK17 = _BLOCK8 = ("branch0", "branch1.0", "branch1.1", "branch1.2")


def timm_inception_resnet_v2(layers: Set[str], keys: Set[str]) -> Rows:
    """`conv2d_1a.conv` ... `repeat.0.branch1.1.bn` ... `conv2d_7b.bn`, `classif`."""
    for number, module in enumerate(_numbered(), 1):
        names = f"backbone_conv2d_{number}", f"backbone_batch_normalization_{number}"
        yield from _unit(module, *names)
    for module, block in _blocks():
        yield from conv(f"{module}.conv2d", f"{block}_conv", bias=True)
    yield from _unit("conv2d_7b", "conv_7b", "conv_7b_bn")
    yield from linear("classif", "logits")


def _numbered() -> Iterator[str]:
    """The modules whose layers have numbers, in order."""
    yield from _STEM
    yield from _branches("mixed_5b", _MIXED_5B)
    for index in range(10):
        yield from _branches(f"repeat.{index}", _BLOCK35)
    yield from _branches("mixed_6a", _MIXED_6A)
    for index in range(20):
        yield from _branches(f"repeat_1.{index}", _BLOCK17)
    yield from _branches("mixed_7a", _MIXED_7A)
    for index in range(9):
        yield from _branches(f"repeat_2.{index}", _BLOCK8)
    yield from _branches("block8", _BLOCK8)


def _branches(module: str, branches: tuple[str, ...]) -> Iterator[str]:
    return (f"{module}.{branch}" for branch in branches)


def _blocks() -> Iterator[tuple[str, str]]:
    """The residual blocks, whose last convolution has a bias and no normalisation."""
    for repeat, name, count in (("repeat", "block35", 10), ("repeat_1", "block17", 20)):
        yield from ((f"{repeat}.{index}", f"{name}_{index + 1}") for index in range(count))
    yield from ((f"repeat_2.{index}", f"block8_{index + 1}") for index in range(9))
    yield "block8", "block8_10"


def _unit(module: str, layer: str, normalisation: str) -> Rows:
    """Convolution and normalisation."""
    return conv_and_norm_without_gamma(
        f"{module}.conv", f"{module}.bn", layer, normalisation, epsilon=EPSILON
    )
