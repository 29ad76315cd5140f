"""One resampling of a picture in OpenCV, with the fill rules of scipy.ndimage."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from zoo import transform as t
from zoo.engine.augment.program import Program, spline

LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
BORDER = {
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    # Values beyond the border are set afterwards: OpenCV blends them into the picture's rim.
    "constant": cv2.BORDER_REPLICATE,
    # Places are brought inside before: the period of scipy's wrap is one pixel short.
    "wrap": cv2.BORDER_REPLICATE,
}
FIXED = 256
"""Steps of a grey level in 16 bits."""


def warped(program: Program, image: np.ndarray, row: np.ndarray, exact: bool) -> np.ndarray:
    """Resample a picture at the places that its matrix says; bytes stay bytes."""
    height, width = image.shape[:2]
    size = program.output_size((height, width))
    matrix, knots = moves(program, row)
    if knots is None and size == (height, width):
        mirrored = _mirrored(image, matrix)
        if mirrored is not None:
            return mirrored
    if image.dtype == np.uint8 or exact:
        return _resampled(image, matrix, knots, program.fill, size)
    fixed = _resampled(
        (image * FIXED + 0.5).astype(np.uint16), matrix, knots, program.fill, size, FIXED
    )
    return np.multiply(fixed, np.float32(1 / FIXED), dtype=np.float32)


def moves(program: Program, row: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The matrix of a picture, and the moves of its knots where it is bent."""
    matrix = row[program.start : program.start + 9].reshape(3, 3)
    if program.elastic is None:
        return matrix, None
    grid = int(program.elastic.transform.grid)
    knots = row[program.start + 9 : program.start + 9 + 2 * grid**2].reshape(2, grid, grid)
    return matrix, knots if knots.any() else None


def _mirrored(image: np.ndarray, matrix: np.ndarray) -> np.ndarray | None:
    """The picture where its matrix leaves it or flips it, without a rounding; else None."""
    x, y = image.shape[1] - 1, image.shape[0] - 1
    if abs(matrix[0, 0]) != 1 or abs(matrix[1, 1]) != 1:
        return None
    flips = (matrix[0, 0] < 0, matrix[1, 1] < 0)
    exact = np.diag([1.0 - 2 * flips[0], 1.0 - 2 * flips[1], 1.0])
    exact[:2, 2] = flips[0] * x, flips[1] * y
    if not np.array_equal(matrix, exact):
        return None
    code = {(True, False): 1, (False, True): 0, (True, True): -1}.get(flips)
    return image.copy() if code is None else cv2.flip(image, code)


def _resampled(
    image: np.ndarray,
    matrix: np.ndarray,
    knots: np.ndarray | None,
    fill: t.Fill,
    size: tuple[int, int],
    unit: int = 1,
) -> np.ndarray:
    border, shape = BORDER[fill.mode], size[::-1]
    last = image.shape[1] - 1, image.shape[0] - 1
    inside = knots is None and _corners_inside(matrix, size, last)
    if knots is not None or (fill.mode == "wrap" and not inside):
        x, y = places(matrix, knots, size)
        outside = (x < 0) | (x > last[0]) | (y < 0) | (y > last[1])
        if fill.mode == "wrap":
            x, y = wrapped(x, last[0]), wrapped(y, last[1])
        seen = cv2.remap(
            image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=border
        )
    else:
        if np.array_equal(matrix[2], [0, 0, 1]):
            seen = cv2.warpAffine(image, matrix[:2], shape, flags=LINEAR, borderMode=border)
        else:
            seen = cv2.warpPerspective(image, matrix, shape, flags=LINEAR, borderMode=border)
        if inside or fill.mode != "constant":
            return seen
        x, y = places(matrix, None, size)
        outside = (x < 0) | (x > last[0]) | (y < 0) | (y > last[1])
    if fill.mode == "constant":
        seen[outside] = round(fill.value * unit) if seen.dtype != np.float32 else fill.value
    return seen


def _corners_inside(matrix: np.ndarray, size: tuple[int, int], last: tuple[int, int]) -> bool:
    """Whether all places lie within the picture: they do where the four corners do."""
    right, bottom = size[1] - 1, size[0] - 1
    x, y, z = matrix @ np.array([[0, right, 0, right], [0, 0, bottom, bottom], [1.0, 1, 1, 1]])
    if z.min() <= 0:
        return False
    x, y = x / z, y / z
    return bool(x.min() >= 0 and x.max() <= last[0] and y.min() >= 0 and y.max() <= last[1])


def places(
    matrix: np.ndarray, knots: np.ndarray | None, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where in its input each output pixel looks: x and y, float64 [H,W].

    Args:
        matrix: Output-to-input map, float64 [3,3].
        knots: Moves of an Elastic's knots in pixels, [2,grid,grid], or None.
        size: Height and width of the output.
    """
    x, y = np.arange(size[1], dtype=np.float64), np.arange(size[0], dtype=np.float64)[:, None]
    if knots is not None:
        down, across = _splines(knots.shape[1], size)
        x, y = x + down @ knots[0] @ across.T, y + down @ knots[1] @ across.T
    m = matrix
    u, v = m[0, 0] * x + (m[0, 1] * y + m[0, 2]), m[1, 0] * x + (m[1, 1] * y + m[1, 2])
    if np.array_equal(m[2], [0, 0, 1]):
        return u, v
    depth = m[2, 0] * x + (m[2, 1] * y + m[2, 2])
    return u / depth, v / depth


def wrapped(place: np.ndarray, last: int) -> np.ndarray:
    """Scipy's `wrap`: the period is one pixel short, and a place in the picture is left alone."""
    period = max(last, 1)
    below = place + period * (np.floor(-place / period) + 1)
    above = place - period * np.floor(place / period)
    return np.where(place < 0, below, np.where(place > last, above, place))


@lru_cache(maxsize=8)
def _splines(grid: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return spline(grid, size[0]), spline(grid, size[1])


def nearest(place: np.ndarray, count: int, mode: str) -> np.ndarray:
    """The pixel nearest to each place along one axis."""
    index = np.floor(place + 0.5).astype(int)
    if mode == "reflect":
        index = index % (2 * count)
        return np.minimum(index, 2 * count - 1 - index)
    return np.clip(index, 0, count - 1)
