"""A batch through the passes of a program; every picture goes through all, and keeps its own."""

from __future__ import annotations

from keras import KerasTensor as Tensor
from keras import ops

from zoo.engine.augment.device.colour import apply, linear
from zoo.engine.augment.device.warp import warp
from zoo.engine.augment.program import Program


def run(program: Program, images: Tensor, rows: Tensor) -> Tensor:
    """Put a batch through a program.

    Args:
        program: What `Program.of` made.
        images: uint8 or float [N,H,W,3], 0..255; H and W known before the data.
        rows: What `Program.prepare` made, [N,K].

    Returns:
        float32 [N,H,W,3].
    """
    images, rows = ops.convert_to_tensor(images), ops.convert_to_tensor(rows)
    if program.geometry:
        matrices = ops.reshape(rows[:, program.start : program.start + 9], [-1, 3, 3])
        knots = None
        if program.elastic is not None:
            grid = int(program.elastic.transform.grid)
            knots = rows[:, program.start + 9 : program.start + 9 + 2 * grid**2]
            knots = ops.reshape(knots, [-1, 2, grid, grid])
        size = program.output_size(tuple(images.shape[1:3]))
        x = warp(images, matrices, program.fill, size, knots)
    else:
        x = ops.cast(images, "float32")
    for step in program.steps:
        on, *_ = numbers = ops.unstack(ops.cast(rows[:, step.at], "float32"), axis=1)
        if step.chains:
            # Numbers: whether, the weight of the mixture, and that of each chain.
            mixture, *weights = (each[:, None, None, None] for each in numbers[1:])
            done = (1 - mixture) * x
            for weight, chain in zip(weights, step.chains, strict=True):
                done += mixture * weight * run(chain, x, rows)
        elif step.linear:
            done = linear(x, ops.stack(numbers[1:], axis=1))
        else:
            done = apply(step.transform, x, [each[:, None, None, None] for each in numbers[1:]])
        if step.clip:
            done = ops.clip(done, 0, 255)
        x = ops.where(on[:, None, None, None] > 0, done, x)
    return x
