"""Data at hand: two sets of labelled pictures that need no download, the same for the same seed."""

from __future__ import annotations

import colorsys
import math
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Points = list[tuple[float, float]]

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
"""The share of each class that goes to each split."""

DIGIT_SIZE = 32
SUPERSAMPLE = 4
MIN_SIZE, MAX_SIZE = 16, 1024
MIN_COUNT = 100


def digits(out: str | Path, *, seed: int = 0) -> dict[str, Any]:
    """Write scikit-learn's 1,797 handwritten digits as pictures in a folder per class.

    The originals are 8x8 counts of ink from 0 to 16 (E. Alpaydin and C. Kaynak, Optical
    Recognition of Handwritten Digits, UCI 1998). With a margin of one they are enlarged to 32x32
    by bicubic interpolation, white on black.

    Args:
        out: Folder to make: train/, val/ and test/, each with 0/ to 9/.
        seed: Chooses which digit goes to which split, evenly for each class.

    Returns:
        The set's name, folder, classes and number of pictures by split.

    Raises:
        DataError: If the folder is in use.
    """
    from sklearn.datasets import load_digits

    ink, labels = load_digits(return_X_y=True)
    splits = _splits(labels, seed)
    side = (DIGIT_SIZE, DIGIT_SIZE)
    with _made(Path(out)) as folder:
        for number, (row, label, split) in enumerate(zip(ink, labels, splits, strict=True)):
            grey = np.pad(np.round(row.reshape(8, 8) * (255 / 16)), 1).astype(np.uint8)
            picture = Image.fromarray(grey).resize(side, Image.Resampling.BICUBIC)
            place = folder / split / str(label)
            place.mkdir(parents=True, exist_ok=True)
            picture.save(place / f"{number:04}.png", optimize=True)
    return _document("digits", out, [str(label) for label in range(10)], splits)


def shapes(out: str | Path, *, count: int = 1000, size: int = 128, seed: int = 0) -> dict[str, Any]:
    """Write pictures of one of ten shapes each on a textured ground, with the shape's mask.

    Kind of shape, colour, size, place, rotation, ground and light are drawn independently, so
    that nothing but the shape itself tells the class. The mask of train/star/0007.jpg is
    masks/train/star/0007.png: 255 where the shape covers more than half of a pixel.

    Args:
        out: Folder to make: train/, val/, test/ and masks/.
        count: Pictures in all, at least 100.
        size: Height and width in pixels, 16 to 1024.
        seed: Decides every pixel.

    Returns:
        The set's name, folder, classes and number of pictures by split.

    Raises:
        DataError: If the folder is in use, or count or size are out of range.
    """
    if count < MIN_COUNT:
        raise DataError(
            f"{count} pictures are too few for ten shapes and three splits; at least {MIN_COUNT}"
        )
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise DataError(f"pictures of {size} pixels; accepted are {MIN_SIZE} to {MAX_SIZE}")
    names = sorted(SHAPES)
    labels = np.arange(count) % len(names)
    splits = _splits(labels, seed)
    with _made(Path(out)) as folder:
        for number, (label, split) in enumerate(zip(labels, splits, strict=True)):
            name = names[label]
            picture, mask = draw(name, size, np.random.default_rng([seed, number]))
            place, beside = folder / split / name, folder / "masks" / split / name
            place.mkdir(parents=True, exist_ok=True)
            beside.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place / f"{number:04}.jpg", quality=92, subsampling=0)
            Image.fromarray(mask).save(beside / f"{number:04}.png", optimize=True)
    return _document("shapes", out, names, splits)


def draw(name: str, size: int, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one shape as a camera might see it.

    Args:
        name: One of `SHAPES`.
        size: Height and width in pixels.
        draws: Gives colour, size, place, rotation, ground and light.

    Returns:
        The picture, uint8 [size, size, 3], and the mask, uint8 [size, size] of 0 and 255.
    """
    angle = draws.uniform(0, 2 * math.pi)
    toward = np.array([math.cos(angle), math.sin(angle)])
    ground_colour, colour = _colours(draws)
    ground = _ground(size, ground_colour, draws)
    coverage = _coverage(name, size, draws)

    # The shape stands a little above the ground: a soft shadow falls away from the light.
    height = size * draws.uniform(0.015, 0.05)
    shadow = _blur(_shift(coverage, -toward * height), height)
    ground *= (1 - draws.uniform(0.35, 0.6) * shadow)[..., None]

    # Its rim is rounded: the slope of the blurred outline faces the light or turns from it.
    relief = _blur(coverage, size * 0.025)
    down, right = np.gradient(relief)
    slope = (right * toward[0] + down * toward[1]) * size * 0.025
    surface = colour * (1 + 0.22 * (_clouds(size, 3, draws) - 0.5))[..., None]
    surface = surface * (1 - 0.9 * slope)[..., None] + 60 * np.maximum(-slope, 0)[..., None] ** 2

    picture = ground + (surface - ground) * coverage[..., None]
    picture *= _light(size, toward, draws.uniform(0.05, 0.3))[..., None]
    picture += draws.normal(0, draws.uniform(1.0, 4.0), picture.shape)
    mask = np.where(coverage > 0.5, 255, 0).astype(np.uint8)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8), mask


def _colours(draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a quiet colour for the ground and one for the shape that stands out from it."""
    while True:
        ground = _rgb(draws.uniform(), draws.uniform(0.08, 0.45), draws.uniform(0.3, 0.8))
        shape = _rgb(draws.uniform(), draws.uniform(0.35, 0.9), draws.uniform(0.45, 0.95))
        if np.abs(ground - shape).sum() > 150:
            return ground, shape


def _rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    return 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def _ground(size: int, colour: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Draw a ground: clouded, grained like wood, woven, or strewn with pebbles."""
    across, down = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size))
    angle = draws.uniform(0, 2 * math.pi)
    along = across * math.cos(angle) + down * math.sin(angle)
    athwart = down * math.cos(angle) - across * math.sin(angle)
    clouds = _clouds(size, 5, draws)
    kind = draws.integers(4)
    if kind == 0:
        pattern = clouds
    elif kind == 1:
        rings = along * draws.uniform(6, 12) + clouds * draws.uniform(1.5, 3)
        pattern = 0.6 * (0.5 + 0.5 * np.sin(2 * math.pi * rings)) + 0.4 * clouds
    elif kind == 2:
        threads = draws.uniform(8, 18) * 2 * math.pi
        weave = np.sin(along * threads) * np.sin(athwart * threads)
        pattern = 0.5 + 0.3 * weave + 0.4 * (clouds - 0.5)
    else:
        pebbles = _clouds(size, 2, draws, cells=int(draws.integers(8, 16)))
        pattern = 0.6 * np.abs(2 * pebbles - 1) ** 0.6 + 0.4 * clouds
    tint = colour * draws.uniform(0.45, 0.75) + 12 * draws.normal(size=3)
    ground = tint + (colour - tint) * pattern[..., None]
    focus = draws.uniform(0, 0.008) * size
    return np.stack([_blur(ground[..., channel], focus) for channel in range(3)], axis=-1)


def _coverage(name: str, size: int, draws: np.random.Generator) -> np.ndarray:
    """Draw the share of each pixel that the shape covers, with its size, place and rotation."""
    radius = draws.uniform(0.16, 0.36)
    x, y = draws.uniform(radius + 0.02, 0.98 - radius, size=2)
    turn = draws.uniform(0, 2 * math.pi)
    side = size * SUPERSAMPLE
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    for outline, ink in zip(SHAPES[name](), (255, 0), strict=False):
        pen.polygon(
            [
                (
                    side * (x + radius * (px * math.cos(turn) - py * math.sin(turn))),
                    side * (y + radius * (px * math.sin(turn) + py * math.cos(turn))),
                )
                for px, py in outline
            ],
            fill=ink,
        )
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX)) / 255.0


def _clouds(size: int, octaves: int, draws: np.random.Generator, cells: int = 3) -> np.ndarray:
    """Draw smooth random values from 0 to 1: octaves of interpolated noise, each half as strong."""
    total = np.zeros((size, size))
    for octave in range(octaves):
        grid = min(cells << octave, size) + 1
        noise = Image.fromarray(draws.random((grid, grid)).astype(np.float32))
        total += np.asarray(noise.resize((size, size), Image.Resampling.BICUBIC)) / 2**octave
    return (total - total.min()) / (total.max() - total.min())


def _light(size: int, toward: np.ndarray, strength: float) -> np.ndarray:
    """Give the light's fall-off from one side to the other, 1 in the middle."""
    across, down = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    return 1 + strength * (across * toward[0] + down * toward[1])


def _blur(values: np.ndarray, radius: float) -> np.ndarray:
    """Blur with a Gaussian; Pillow's own blur rounds to whole levels, which shows in slopes."""
    if radius < 0.1:
        return values
    reach = math.ceil(3 * radius)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(values, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], "edge")
        values = np.apply_along_axis(np.convolve, axis, padded, kernel, "valid")
    return values


def _shift(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Move values by whole pixels; what comes in from outside is 0."""
    right, down = (round(float(step)) for step in by)
    moved = np.zeros_like(values)
    height, width = values.shape
    moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = values[
        max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved


def _regular(corners: int, radius: float = 1.0) -> Points:
    """Give a regular polygon's corners."""
    angles = [2 * math.pi * corner / corners for corner in range(corners)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _star() -> list[Points]:
    outer, inner = _regular(5), _regular(10, 0.42)[1::2]
    return [[point for pair in zip(outer, inner, strict=True) for point in pair]]


def _cross() -> list[Points]:
    a, b = 0.3, 0.95
    return [
        [
            (-a, -b),
            (a, -b),
            (a, -a),
            (b, -a),
            (b, a),
            (a, a),
            (a, b),
            (-a, b),
            (-a, a),
            (-b, a),
            (-b, -a),
            (-a, -a),
        ]
    ]


def _arrow() -> list[Points]:
    return [
        [
            (1, 0),
            (0.15, 0.8),
            (0.15, 0.32),
            (-0.95, 0.32),
            (-0.95, -0.32),
            (0.15, -0.32),
            (0.15, -0.8),
        ]
    ]


def _heart() -> list[Points]:
    angles = np.linspace(0, 2 * math.pi, 120, endpoint=False)
    across = 16 * np.sin(angles) ** 3
    down = 13 * np.cos(angles) - 5 * np.cos(2 * angles) - 2 * np.cos(3 * angles)
    down -= np.cos(4 * angles)
    return [[(float(x) / 17, -float(y + 2) / 17) for x, y in zip(across, down, strict=True)]]


def _crescent() -> list[Points]:
    # Along the outer arc and back along a circle of radius 0.85, 0.55 to the right, that bites it.
    meet = math.acos((1 + 0.55**2 - 0.85**2) / (2 * 0.55))
    outer = np.linspace(meet, 2 * math.pi - meet, 90)
    ends = math.atan2(-math.sin(meet), math.cos(meet) - 0.55)
    inner = np.linspace(2 * math.pi + ends, -ends, 90)
    points = [(math.cos(a), math.sin(a)) for a in outer]
    return [points + [(0.55 + 0.85 * math.cos(a), 0.85 * math.sin(a)) for a in inner]]


SHAPES: dict[str, Callable[[], Sequence[Points]]] = {
    "arrow": _arrow,
    "circle": lambda: [_regular(180, 0.9)],
    "crescent": _crescent,
    "cross": _cross,
    "heart": _heart,
    "hexagon": lambda: [_regular(6)],
    "ring": lambda: [_regular(180, 0.95), _regular(180, 0.55)],
    "square": lambda: [_regular(4)],
    "star": _star,
    "triangle": lambda: [_regular(3)],
}
"""The shapes within a circle of radius 1: an outline, and a hole where there is one."""


def _splits(labels: np.ndarray, seed: int) -> list[str]:
    """Give each picture a split, the same shares of every class."""
    draws = np.random.default_rng(seed)
    splits = np.full(len(labels), "train", dtype=object)
    for label in np.unique(labels):
        members = draws.permutation(np.flatnonzero(labels == label))
        val, test = (round(SHARES[name] * len(members)) for name in ("val", "test"))
        splits[members[:val]] = "val"
        splits[members[val : val + test]] = "test"
    return splits.tolist()


def _document(name: str, out: str | Path, classes: list[str], splits: list[str]) -> dict[str, Any]:
    """Say what was made, as plain data."""
    counts = {split: splits.count(split) for split in SHARES}
    return {"set": name, "path": str(out), "classes": classes, "pictures": counts}


@contextmanager
def _made(out: Path) -> Iterator[Path]:
    """Fill a folder beside its final name, so that it is whole or not there."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(f"{out} is in use", hint="give a folder that does not exist yet")
    beside = out.with_name(out.name + ".unfinished")
    try:
        beside.mkdir(parents=True)
    except FileExistsError:
        raise DataError(f"{beside} is left from an interrupted call", hint="remove it") from None
    except OSError as error:
        raise DataError(f"{out} cannot be made: {error.strerror}") from None
    try:
        yield beside
        if out.exists():
            out.rmdir()
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
