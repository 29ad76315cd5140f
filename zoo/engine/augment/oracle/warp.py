"""Matrices and bilinear resampling, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo import transform as t
from zoo.engine.augment.oracle.draw import Drawn, from_log_range, from_range, mixed


def matrix(transform: t.Transform, shares: Sequence[float], height: int, width: int) -> np.ndarray:
    """The output-to-input matrix of one transform for the given shares of its ranges."""
    centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    match transform:
        case t.Rotate(degrees):
            angle = np.radians(from_range(degrees, shares[0], True))
            map_ = np.array(
                [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
            )
        case t.Shear(degrees):
            angle = np.radians(from_range(degrees, shares[0], True))
            map_ = np.array([[1, -np.sin(angle), 0], [0, np.cos(angle), 0], [0, 0, 1]])
        case t.Skew(horizontal, vertical):
            a, b = (
                from_range(r, s, True) for r, s in zip((horizontal, vertical), shares, strict=True)
            )
            map_ = np.array([[1, a, 0], [b, 1, 0], [0, 0, 1]])
        case t.Zoom(low, high):
            map_ = np.diag(
                [from_range((low, high), shares[0]), from_range((low, high), shares[-1]), 1]
            )
        case t.Shift(horizontal, vertical, unit):
            right, down = (
                from_range(horizontal, shares[0], True),
                from_range(vertical, shares[1], True),
            )
            if unit == "share":
                right, down = right * width, down * height
            map_ = np.array([[1, 0, -right], [0, 1, -down], [0, 0, 1]])
        case t.Flip(axis, probability):
            sign = -1 if shares[0] < probability else 1
            map_ = np.diag([sign, 1, 1] if axis == "horizontal" else [1, sign, 1])
        case t.ResizedCrop(area, ratio):
            pixels = from_range(area, shares[0]) * height * width
            shape = from_log_range(ratio, shares[1])
            wide, high = min(np.sqrt(pixels * shape), width), min(np.sqrt(pixels / shape), height)
            return _window(shares[2] * (width - wide), shares[3] * (height - high),
                           wide / width, high / height)  # fmt: skip
        case t.Resize(new_height, new_width):
            return _window(0, 0, width / new_width, height / new_height)
        case t.Crop(new_height, new_width, padding):
            left = int(shares[0] * (width + 2 * padding - new_width + 1)) - padding
            top = int(shares[1] * (height + 2 * padding - new_height + 1)) - padding
            return np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
        case t.GeneratorMoves():
            return _generator(transform, shares, height, width)
        case t.Perspective(distortion):
            return _perspective(distortion, shares, height, width)
        case _:
            raise TypeError(transform)
    return centre @ map_ @ np.linalg.inv(centre)


def _generator(
    moves: t.GeneratorMoves, shares: Sequence[float], height: int, width: int
) -> np.ndarray:
    """Keras's chain of matrices in (row, column), transposed into (x, y) as Keras reads it."""
    angle = np.radians(from_range(moves.rotation, shares[0], True))
    left = from_range(moves.sideways, shares[1], True)
    up = from_range(moves.upwards, shares[2], True)
    slant = np.radians(from_range(moves.shear, shares[3], True))
    zooms = [from_range(moves.zoom, each) for each in shares[4:6]]
    left *= height if moves.sideways_unit == "share" else 1
    up *= width if moves.upwards_unit == "share" else 1
    turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    chain = np.linalg.multi_dot(
        [
            np.array([[1, 0, height / 2 - 0.5], [0, 1, width / 2 - 0.5], [0, 0, 1]]),
            np.array(turn),
            np.array([[1, 0, left], [0, 1, up], [0, 0, 1]]),
            np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]]),
            np.diag([*zooms, 1]),
            np.array([[1, 0, 0.5 - height / 2], [0, 1, 0.5 - width / 2], [0, 0, 1]]),
        ]
    )
    return np.asarray(chain)


def _window(left: float, top: float, across: float, down: float) -> np.ndarray:
    """From pixel to continuous coordinates, scale, move, and back to pixels."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    move = np.array([[across, 0, left], [0, down, top], [0, 0, 1]])
    return np.linalg.inv(half) @ move @ half


def _perspective(distortion: float, shares: Sequence[float], height: int, width: int) -> np.ndarray:
    """The null vector of the eight equations of the direct linear transform."""
    right, bottom = width - 1, height - 1
    equations = []
    places = [(0, 0), (right, 0), (right, bottom), (0, bottom)]
    for number, (u, v) in enumerate(places):
        a, b = (distortion * each for each in shares[2 * number : 2 * number + 2])
        x = u + (1 if u == 0 else -1) * a * right / 2
        y = v + (1 if v == 0 else -1) * b * bottom / 2
        equations.append([-x, -y, -1, 0, 0, 0, u * x, u * y, u])
        equations.append([0, 0, 0, -x, -y, -1, v * x, v * y, v])
    solved = np.linalg.svd(np.array(equations))[2][-1]
    return (solved / solved[-1]).reshape(3, 3)


def resample(
    image: np.ndarray,
    matrix: np.ndarray,
    fill: t.Fill,
    size: tuple[int, int] | None = None,
    bend: Drawn | None = None,
) -> np.ndarray:
    """Bilinear values of one picture at `matrix @ (x, y, 1)` for every output pixel (x, y)."""
    height, width = image.shape[:2]
    size = size or (height, width)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    if bend is not None:
        x, y = x + _bend(bend, size, 0), y + _bend(bend, size, 1)
    x, y, z = (row[0] * x + row[1] * y + row[2] for row in matrix)
    x, y = x / z, y / z
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    if fill.mode == "wrap":
        x, y = _wrapped(x, width), _wrapped(y, height)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    seen = np.zeros((*size, image.shape[2]), np.float64)
    for row, in_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, in_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            pixels = image[mirrored(row, height, fill.mode), mirrored(column, width, fill.mode)]
            seen += (in_y * in_x)[..., None] * pixels
    if fill.mode == "constant":
        seen[outside] = fill.value
    return seen


def _bend(bend: Drawn, size: tuple[int, int], axis: int) -> np.ndarray:
    """Moves along one axis: a cubic B-spline through the knots, edge knots repeated."""
    transform: Any = bend.transform
    grid = int(transform.grid)
    key = int(bend.shares[0] * 2**24)
    knots = np.empty((grid, grid))
    for at in range(grid * grid):
        bits = mixed((key ^ mixed(axis * grid * grid + at + 1)) + 0x9E3779B9)
        knots.flat[at] = (2 * ((bits >> 8) / 2**24) - 1) * transform.strength * size[1 - axis]

    def along(values: np.ndarray, length: int) -> np.ndarray:
        padded = np.concatenate([values[:1], values, values[-1:], values[-1:]])
        rows = []
        for place in np.linspace(0, grid - 1, length):
            i, u = int(place), place - int(place)
            p0, p1, p2, p3 = padded[i : i + 4]
            rows.append(
                p0 * (1 - u) ** 3 / 6
                + p1 * (4 - 6 * u**2 + 3 * u**3) / 6
                + p2 * (1 + 3 * u + 3 * u**2 - 3 * u**3) / 6
                + p3 * u**3 / 6
            )
        return np.stack(rows)

    return along(along(knots, size[0]).T, size[1]).T


def mirrored(index: np.ndarray, size: int, mode: str) -> np.ndarray:
    """Bring whole places into the picture."""
    if mode == "reflect":
        index = index % (2 * size)
        return np.where(index < size, index, 2 * size - 1 - index)
    return np.clip(index, 0, size - 1)


def _wrapped(place: np.ndarray, size: int) -> np.ndarray:
    last = size - 1
    below = place + last * (np.trunc(-place / last) + 1)
    above = place - last * np.trunc(place / last)
    return np.where(place < 0, below, np.where(place > last, above, place))
