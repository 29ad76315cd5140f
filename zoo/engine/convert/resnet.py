"""ResNet as torchvision and timm write it: the two give their modules the same names."""

from __future__ import annotations

from collections.abc import Set

from zoo.engine.convert.table import ABOVE, Drop, Rows, conv, linear, norm

EPSILON = 1e-5
STAGES = 4


def torch_resnet(layers: Set[str], keys: Set[str]) -> Rows:
    """`conv1`, `layer1.0.conv1` ... `layer4.2.bn3`, `fc`."""
    yield from conv("conv1", "stem_conv")
    yield from norm("bn1", "stem_bn", epsilon=EPSILON)
    for stage in range(1, STAGES + 1):
        if f"stage{stage}_block1_conv1" in layers:
            yield from _stage(stage, layers)
        elif "stem_conv" in layers:  # cut below this stage
            above = f"layer{stage}."
            yield from (Drop(key, ABOVE) for key in sorted(keys) if key.startswith(above))
    yield from linear("fc", "logits")


def _stage(stage: int, layers: Set[str]) -> Rows:
    block = 1
    while (first := f"stage{stage}_block{block}_conv1") in layers:
        name, module = first.removesuffix("conv1"), f"layer{stage}.{block - 1}"
        for index in (1, 2, 3):
            if f"{name}conv{index}" in layers:
                yield from conv(f"{module}.conv{index}", f"{name}conv{index}")
                yield from norm(f"{module}.bn{index}", f"{name}bn{index}", epsilon=EPSILON)
        if f"{name}down_conv" in layers:
            yield from conv(f"{module}.downsample.0", f"{name}down_conv")
            yield from norm(f"{module}.downsample.1", f"{name}down_bn", epsilon=EPSILON)
        block += 1
