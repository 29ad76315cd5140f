"""Pictures of a batch mixed with one another, as `zoo.engine.augment.mixing` does on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

from keras import KerasTensor as Tensor
from keras import ops

from zoo import transform as t
from zoo.engine.augment.device.colour import grid
from zoo.engine.augment.leaf import Leaf
from zoo.engine.augment.mixing import WIDTH


def mix(leaves: Sequence[Leaf], x: Tensor, rows: Tensor) -> Tensor:
    """Mix pictures float32 [N,H,W,3] by what `mixing.prepare` made of their draws."""
    column, row = grid(x)
    for number, leaf in enumerate(leaves):
        numbers = ops.cast(rows[:, number * WIDTH : (number + 1) * WIDTH], "float32")
        own, left, top, right, bottom = (
            each[:, None, None, None] for each in ops.unstack(numbers, axis=1)
        )
        others = ops.roll(x, 1, axis=0)
        if isinstance(leaf.transform, t.MixUp):
            x = own * x + (1 - own) * others
        else:
            pasted = (column >= left) & (column < right) & (row >= top) & (row < bottom)
            x = ops.where(pasted, others, x)
    return x
