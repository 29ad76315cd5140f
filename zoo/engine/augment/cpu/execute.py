"""Pictures, one after another, through the passes of a program."""

from __future__ import annotations

import cv2
import numpy as np

from zoo.engine.augment.cpu.colour import LEVELS, POINTWISE, Picture, apply, pointwise
from zoo.engine.augment.cpu.warp import Warp, moves, nearest, places, wrapped
from zoo.engine.augment.program import Program, Step


def run(program: Program, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Put pictures through a program.

    Args:
        program: What `Program.of` made.
        images: uint8 or float32 [N,H,W,3], 0..255.
        rows: What `Program.prepare` made, float64 [N,K].

    Returns:
        float32 [N,H,W,3].
    """
    size = images.shape[1:3]
    seen = np.empty((len(images), *program.output_size(size), 3), np.float32)
    passes = Passes(program, size, images.dtype)
    for image, row, out in zip(images, rows, seen, strict=True):
        passes.run(image, row, out)
    return seen


class Passes:
    """The passes of a program over pictures of one size and type.

    Args:
        program: What `Program.of` made.
        size: Height and width of the pictures.
        dtype: uint8 or float32.
    """

    def __init__(self, program: Program, size: tuple[int, int], dtype: np.dtype) -> None:
        self._warp = Warp(program, size, dtype)
        inner, floats = program.output_size(size), np.dtype(np.float32)
        self._steps = [
            (step, [Passes(chain, inner, floats) for chain in step.chains])
            for step in program.steps
        ]

    def run(self, image: np.ndarray, row: np.ndarray, out: np.ndarray) -> None:
        """Put one picture through, and what comes of it into `out`, float32 [H,W,3]."""
        picture = Picture(self._warp(image, row, out), out)
        for step, chains in self._steps:
            numbers = row[step.at]
            if not numbers[0]:
                continue
            if chains:
                picture = Picture(_blended(step, chains, picture.floats(), row), out)
            elif step.linear:
                _linear(step, picture, numbers[1:])
            elif isinstance(step.transform, POINTWISE):
                # A table is a picture of 256 pixels, so that one function does for both.
                values = picture.table.copy() if picture.bytes else picture.pixels
                done = pointwise(step.transform, values, numbers[1:])
                if picture.bytes:
                    picture.table = done
                else:
                    picture.pixels = done
            else:
                picture = Picture(apply(step.transform, picture, numbers[1:]), out)
        done = picture.floats()
        if done is not out:
            out[...] = done


def _blended(step: Step, chains: list[Passes], image: np.ndarray, row: np.ndarray) -> np.ndarray:
    mixture, *weights = row[step.at][1:].astype(np.float32)
    seen, done = image * (1 - mixture), np.empty_like(image)
    for weight, chain in zip(weights, chains, strict=True):
        chain.run(image, row, done)
        seen += mixture * weight * done
    return seen


def _linear(step: Step, picture: Picture, numbers: np.ndarray) -> None:
    weight, mean = numbers[:9].reshape(3, 3), numbers[12:].reshape(3, 3)
    offset = numbers[9:12]
    if mean.any():
        if picture.bytes and picture.table is not LEVELS:
            picture.floats()
        offset = offset + mean @ np.array(cv2.mean(picture.pixels)[:3])
    scale = np.diag(weight)
    apart = np.array_equal(weight, np.diag(scale))
    if picture.bytes and apart:
        picture.table = _scaled(picture.table.copy(), scale, offset, step.clip)
    elif apart:
        picture.pixels = _scaled(picture.pixels, scale, offset, step.clip)
    else:
        seen = picture.floats()
        cv2.transform(seen, np.column_stack([weight, offset]).astype(np.float32), dst=seen)
        picture.pixels = np.clip(seen, 0, 255, out=seen) if step.clip else seen


def _scaled(x: np.ndarray, scale: np.ndarray, offset: np.ndarray, clip: bool) -> np.ndarray:
    """`scale * x + offset`, in place but where channels of one table part."""
    alike = scale[0] == scale[1] == scale[2] and offset[0] == offset[1] == offset[2]
    if x.ndim == 1 and not alike:
        x = np.repeat(x[:, None, None], 3, axis=2)
    by = np.float32(scale[0]) if alike else scale.astype(np.float32)
    plus = np.float32(offset[0]) if alike else offset.astype(np.float32)
    if np.any(by != 1):
        np.multiply(x, by, out=x)
    if np.any(plus != 0):
        np.add(x, plus, out=x)
    return np.clip(x, 0, 255, out=x) if clip else x


def masks(program: Program, given: np.ndarray, rows: np.ndarray, background: int) -> np.ndarray:
    """Move masks [N,H,W] as a program moves pictures, by the nearest pixel."""
    height, width = given.shape[1:]
    size = program.output_size((height, width))
    seen = np.empty((len(given), *size), given.dtype)
    for mask, row, out in zip(given, rows, seen, strict=True):
        matrix, knots = moves(program, row)
        x, y = places(matrix, knots, size)
        outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
        if program.fill.mode == "wrap":
            x, y = wrapped(x, width - 1), wrapped(y, height - 1)
        across, down = (nearest(place, last, program.fill.mode) for place, last in
                        ((x, width), (y, height)))  # fmt: skip
        out[...] = mask[down, across]
        if program.fill.mode == "constant":
            out[outside] = background
    return seen
