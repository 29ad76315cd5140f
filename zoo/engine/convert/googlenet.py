"""GoogLeNet, Inception v1 with batch normalisation, as torchvision writes it."""

from __future__ import annotations

from collections.abc import Set

from zoo.engine.convert.table import AUXILIARY, Drop, Row, Rows, conv, linear, norm

EPSILON = 1e-3

_BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")

# Module in the block to our suffix: 1x1; 3x3 after 1x1; the "5x5", which has 3x3; after the pool.
_BRANCHES = {
    "branch1": "1",
    "branch2.0": "2a",
    "branch2.1": "2b",
    "branch3.0": "3a",
    "branch3.1": "3b",
    "branch4.1": "4",
}


def torchvision_googlenet(layers: Set[str], keys: Set[str]) -> Rows:
    """`conv1.conv` ... `inception5b.branch4.1.bn`, `fc`; `aux1` and `aux2` have no place."""
    for module in ("conv1", "conv2", "conv3"):
        yield from _unit(module, module)
    for block in _BLOCKS:
        for branch, suffix in _BRANCHES.items():
            yield from _unit(f"inception{block}.{branch}", f"inception{block}_{suffix}")
    yield from linear("fc", "logits")
    for head in ("aux1", "aux2"):
        for row in (
            *_unit(f"{head}.conv", ""),
            *linear(f"{head}.fc1", ""),
            *linear(f"{head}.fc2", ""),
        ):
            yield Drop(row.key, AUXILIARY) if isinstance(row, Row) else row


def _unit(module: str, layer: str) -> Rows:
    """Convolution and normalisation."""
    yield from conv(f"{module}.conv", f"{layer}_conv")
    yield from norm(f"{module}.bn", f"{layer}_bn", epsilon=EPSILON)
