"""Inception v3 as torchvision and timm write it: the two give their modules the same names."""

from __future__ import annotations

from collections.abc import Set

from zoo.engine.convert.table import AUXILIARY, Drop, Row, Rows, conv, linear, norm

EPSILON = 1e-3

_STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
_DOUBLE = ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
_A = ("branch1x1", "branch5x5_1", "branch5x5_2", *_DOUBLE, "branch_pool")
_B = ("branch3x3", *_DOUBLE)
_C = ("branch1x1", "branch7x7_1", "branch7x7_2", "branch7x7_3")
_C += (*(f"branch7x7dbl_{index}" for index in range(1, 6)), "branch_pool")
_D = ("branch3x3_1", "branch3x3_2", *(f"branch7x7x3_{index}" for index in range(1, 5)))
_E = ("branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b")
_E += ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool")
_BLOCKS = dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), _A)
_BLOCKS |= {"Mixed_6a": _B, **dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), _C)}
_BLOCKS |= {"Mixed_7a": _D, **dict.fromkeys(("Mixed_7b", "Mixed_7c"), _E)}


def torch_inception_v3(layers: Set[str], keys: Set[str]) -> Rows:
    """`Conv2d_1a_3x3.conv` ... `Mixed_7c.branch_pool.bn`, `fc`; `AuxLogits` has no place."""
    for module in _STEM:
        yield from _unit(module, module.lower())
    for block, branches in _BLOCKS.items():
        for branch in branches:
            yield from _unit(f"{block}.{branch}", f"{block.lower()}_{branch}")
    yield from linear("fc", "logits")
    for row in (
        *_unit("AuxLogits.conv0", ""),
        *_unit("AuxLogits.conv1", ""),
        *linear("AuxLogits.fc", ""),
    ):
        yield Drop(row.key, AUXILIARY) if isinstance(row, Row) else row


def _unit(module: str, layer: str) -> Rows:
    """Convolution and normalisation."""
    yield from conv(f"{module}.conv", f"{layer}_conv")
    yield from norm(f"{module}.bn", f"{layer}_bn", epsilon=EPSILON)
