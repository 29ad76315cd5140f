"""VGG, plain and with batch normalisation, as torchvision and timm write it.

Both number the modules of `features` one by one: convolution, normalisation, ReLU, pooling. The
classifier, `dense:layers=2:units=4096` here, is three matrices in torchvision; timm writes the
first two as convolutions.
"""

from __future__ import annotations

from collections.abc import Set

from zoo.engine.convert.table import ABOVE, Drop, Rows, conv, linear, norm

EPSILON = 1e-5
BLOCKS = 5


def torchvision_vgg(layers: Set[str], keys: Set[str]) -> Rows:
    """`features.N`, then `classifier.0`, `.3` and `.6` as matrices."""
    yield from _features(layers, keys)
    yield from linear("classifier.0", "head_dense1", kernel="chw")
    yield from linear("classifier.3", "head_dense2")
    yield from linear("classifier.6", "logits")


def timm_vgg(layers: Set[str], keys: Set[str]) -> Rows:
    """`features.N`, then `pre_logits.fc1` and `.fc2` as convolutions, and `head.fc`."""
    yield from _features(layers, keys)
    yield from linear("pre_logits.fc1", "head_dense1", kernel="conv")
    yield from linear("pre_logits.fc2", "head_dense2", kernel="conv")
    yield from linear("head.fc", "logits")


def _features(layers: Set[str], keys: Set[str]) -> Rows:
    index = 0
    for block in range(1, BLOCKS + 1):
        convolution = 1
        while (name := f"block{block}_conv{convolution}") in layers:
            yield from conv(f"features.{index}", name, bias=True)
            if (bn := f"block{block}_bn{convolution}") in layers:
                index += 1
                yield from norm(f"features.{index}", bn, epsilon=EPSILON)
            index += 2  # the ReLU has a number, too
            convolution += 1
        if convolution == 1:  # cut below this block; without any block it is no VGG
            yield from _above(index, keys) if block > 1 else ()
            return
        index += 1  # and so has the pooling


def _above(index: int, keys: Set[str]) -> Rows:
    """What follows when the model ends early."""
    for key in sorted(keys):
        part, _, rest = key.partition(".")
        number = rest.partition(".")[0]
        if part == "features" and number.isdecimal() and int(number) >= index:
            yield Drop(key, ABOVE)
