"""One resampling of a picture in OpenCV, with the fill rules of scipy.ndimage."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from zoo.engine.augment.program import Program, spline

BORDER = {
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    # Values beyond the border are set afterwards: OpenCV blends them into the picture's rim.
    "constant": cv2.BORDER_REPLICATE,
    # Places are brought inside before: the period of scipy's wrap is one pixel short.
    "wrap": cv2.BORDER_REPLICATE,
}
ROOM = 4
"""How many times its pixels a picture has with its margin at most; more costs what it saves."""


class Warp:
    """The resampling of a program, for pictures of one size and type.

    OpenCV warps four channels more than twice as fast as three, to the same bits, and pictures
    with a margin to look into faster than those whose border it has to mind. What it writes into
    is made once: fresh memory takes as long to fill as a picture to warp.

    Args:
        program: What `Program.of` made.
        size: Height and width of the pictures.
        dtype: uint8 or float32.
    """

    def __init__(self, program: Program, size: tuple[int, int], dtype: np.dtype) -> None:
        self._program = program
        self._size = program.output_size(size)
        self._given = np.empty((*size, 4), dtype)
        self._wider = np.empty(ROOM * self._given.size, dtype)
        self._seen = np.empty((*self._size, 4), dtype)
        self._bytes = np.empty((*self._size, 3), np.uint8)

    def __call__(self, image: np.ndarray, row: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Resample a picture at the places that its matrix says.

        Args:
            image: [H,W,3].
            row: What `Program.prepare` made of its draws.
            out: float32 [h,w,3], where floats go.

        Returns:
            `out`, or bytes if the picture is in bytes; these hold until the next picture.
        """
        into = self._bytes if image.dtype == np.uint8 else out
        matrix, knots = moves(self._program, row)
        if knots is None and self._size == image.shape[:2]:
            flips = _flips(matrix, self._size)
            if flips is not None:
                return _flipped(image, flips, into)
        given = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=self._given)
        seen = self._resampled(given, matrix, knots)
        return cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB, dst=into)

    def _resampled(
        self, image: np.ndarray, matrix: np.ndarray, knots: np.ndarray | None
    ) -> np.ndarray:
        fill, (height, width) = self._program.fill, image.shape[:2]
        margin = _margin(matrix, self._size, (height, width)) if knots is None else None
        # These two have rules that OpenCV has not, for places beyond the border.
        if fill.mode not in ("constant", "wrap") or margin == (0, 0, 0, 0):
            return self._plain(image, matrix, knots, margin)
        x, y = places(matrix, knots, self._size)
        if fill.mode == "wrap":
            return self._looked_up(image, wrapped(x, width - 1), wrapped(y, height - 1))
        seen = self._plain(image, matrix, knots, margin)
        outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
        seen[outside] = fill.value if seen.dtype == np.float32 else round(fill.value)
        return seen

    def _plain(
        self,
        image: np.ndarray,
        matrix: np.ndarray,
        knots: np.ndarray | None,
        margin: tuple[int, int, int, int] | None,
    ) -> np.ndarray:
        """Resample with the border that OpenCV has for the fill."""
        if knots is not None:
            return self._looked_up(image, *places(matrix, knots, self._size))
        if margin is not None and any(margin):
            image, matrix = self._widened(image, matrix, margin)
        affine = matrix[2].tolist() == [0, 0, 1]
        warp = cv2.warpAffine if affine else cv2.warpPerspective
        return warp(
            image,
            matrix[:2] if affine else matrix,
            self._size[::-1],
            dst=self._seen,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=BORDER[self._program.fill.mode],
        )

    def _widened(
        self, image: np.ndarray, matrix: np.ndarray, margin: tuple[int, int, int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The picture with its fill around it, and the matrix that looks into that."""
        left, top, right, bottom = margin
        shape = image.shape[0] + top + bottom, image.shape[1] + left + right, 4
        if math.prod(shape) > self._wider.size:
            return image, matrix
        wider = self._wider[: math.prod(shape)].reshape(shape)
        border = BORDER[self._program.fill.mode]
        cv2.copyMakeBorder(image, top, bottom, left, right, border, dst=wider)
        return wider, np.array([[1, 0, left], [0, 1, top], [0, 0, 1]]) @ matrix

    def _looked_up(self, image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return cv2.remap(
            image,
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_LINEAR,
            dst=self._seen,
            borderMode=BORDER[self._program.fill.mode],
        )


def _margin(
    matrix: np.ndarray, seen: tuple[int, int], given: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """How many pixels beyond the picture are looked at: left, top, right and bottom.

    Args:
        matrix: Output-to-input map.
        seen: Height and width of the output.
        given: Height and width of the input.

    Returns:
        What the corners of the output need, and so all of it; None where a horizon is seen.
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    corners = [(x, y) for x in (0, seen[1] - 1) for y in (0, seen[0] - 1)]
    depths = [g * x + h * y + i for x, y in corners]
    if min(depths) <= 0:
        return None
    across = [(a * x + b * y + c) / z for (x, y), z in zip(corners, depths, strict=True)]
    down = [(d * x + e * y + f) / z for (x, y), z in zip(corners, depths, strict=True)]
    return (
        max(0, math.ceil(-min(across))),
        max(0, math.ceil(-min(down))),
        max(0, math.ceil(max(across)) - given[1] + 1),
        max(0, math.ceil(max(down)) - given[0] + 1),
    )


def moves(program: Program, row: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The matrix of a picture, and the moves of its knots where it is bent."""
    matrix = row[program.start : program.start + 9].reshape(3, 3)
    if program.elastic is None:
        return matrix, None
    grid = int(program.elastic.transform.grid)
    knots = row[program.start + 9 : program.start + 9 + 2 * grid**2].reshape(2, grid, grid)
    return matrix, knots if knots.any() else None


def _flips(matrix: np.ndarray, size: tuple[int, int]) -> tuple[bool, bool] | None:
    """Whether a matrix only mirrors a picture, left to right and top to bottom; else None."""
    across, down = matrix[0, 0], matrix[1, 1]
    if abs(across) != 1 or abs(down) != 1:
        return None
    x, y = (size[1] - 1) * (across < 0), (size[0] - 1) * (down < 0)
    exact = [[across, 0, x], [0, down, y], [0, 0, 1]]
    return (across < 0, down < 0) if matrix.tolist() == exact else None


def _flipped(image: np.ndarray, flips: tuple[bool, bool], into: np.ndarray) -> np.ndarray:
    """The picture mirrored without a rounding; bytes that stay as they are are not copied."""
    if flips == (False, False):
        if image.dtype == np.uint8:
            return image
        into[...] = image
        return into
    return cv2.flip(image, {(True, False): 1, (False, True): 0, (True, True): -1}[flips], dst=into)


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
