"""What colour and region transforms make of one picture, with OpenCV and numpy."""

from __future__ import annotations

from functools import singledispatch

import cv2
import numpy as np

from zoo import transform as t
from zoo.engine.augment import draw, whitening
from zoo.engine.augment.program import blur_radius

LEVELS = np.arange(256, dtype=np.float32)


class Picture:
    """A picture on its way: floats, or bytes and the table of what their values stand for.

    Args:
        pixels: uint8 or float32 [H,W,3]; floats may be changed in place, bytes may not.
        out: float32 [H,W,3], where bytes become floats.
        table: What bytes stand for: float32 [256], or [256,1,3] where channels differ.
    """

    def __init__(self, pixels: np.ndarray, out: np.ndarray, table: np.ndarray = LEVELS) -> None:
        self.pixels = pixels
        self.table = table
        self._out = out

    @property
    def bytes(self) -> bool:
        """Whether it is held in bytes."""
        return self.pixels.dtype == np.uint8

    def floats(self) -> np.ndarray:
        """The picture as float32, which may be changed in place."""
        if self.bytes and self.table is LEVELS:
            self._out[...] = self.pixels
            self.pixels = self._out
        elif self.bytes:
            self.pixels = cv2.LUT(self.pixels, self.table, dst=self._out)
            self.table = LEVELS
        return self.pixels

    def whole(self) -> np.ndarray:
        """The picture rounded to bytes."""
        if self.bytes and self.table is LEVELS:
            return self.pixels
        # To nearest, ties to even, and cut to 0..255.
        return cv2.convertScaleAbs(self.floats())


POINTWISE = (t.Gamma, t.Solarize, t.Posterize, t.BrightnessInBytes)
"""Transforms that look at one value alone; BrightnessInBytes in bytes only."""


@singledispatch
def pointwise(transform: t.Transform, x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """What a transform makes of values by themselves, float32; may change them in place."""
    raise TypeError(f"{transform!r} is not pointwise")


@pointwise.register
def _(transform: t.Gamma, x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    np.multiply(x, np.float32(1 / 255), out=x)
    cv2.pow(x, numbers[0], dst=x)
    return np.multiply(x, np.float32(255), out=x)


@pointwise.register
def _(transform: t.Solarize, x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.subtract(np.float32(255), x, out=x, where=x >= np.float32(numbers[0]))


@pointwise.register
def _(transform: t.Posterize, x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    step = np.float32(2.0 ** (8 - numbers[0]))
    np.multiply(x, 1 / step, out=x)
    np.floor(x, out=x)
    return np.multiply(x, step, out=x)


@pointwise.register
def _(transform: t.BrightnessInBytes, x: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    np.floor(x, out=x)
    # Pillow multiplies in single precision and adds nothing before it drops the fraction.
    np.multiply(x, np.float32(numbers[0]), out=x)
    np.floor(x, out=x)
    return np.clip(x, 0, 255, out=x)


@singledispatch
def apply(transform: t.Transform, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    """What a transform makes of a picture: bytes or float32 [H,W,3]."""
    raise TypeError(f"{transform!r} is not for a picture")


@apply.register
def _(transform: t.ChannelShiftWithin, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    low, high, *_ = cv2.minMaxLoc(x.reshape(len(x), -1))
    x = np.add(x, np.float32(numbers[0]), out=x)
    return np.clip(x, np.float32(low), np.float32(high), out=x)


@apply.register
def _(transform: t.AutoContrast, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    low, high = x.min(axis=(0, 1)), x.max(axis=(0, 1))
    flat = high <= low
    scale = np.where(flat, 1, 255 / np.where(flat, 1, high - low)).astype(np.float32)
    np.subtract(x, np.where(flat, 0, low), out=x)
    return np.clip(np.multiply(x, scale, out=x), 0, 255, out=x)


@apply.register
def _(transform: t.Equalize, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.whole()
    counts = [np.bincount(x[..., channel].ravel(), minlength=256) for channel in range(3)]
    table = np.stack([equalizing(each) for each in counts], axis=1)
    return cv2.LUT(x, table[:, None].astype(np.uint8))


def equalizing(counts: np.ndarray) -> np.ndarray:
    """The table that evens out a histogram, as Pillow makes it: int64 [256]."""
    full = counts[counts > 0]
    step = (counts.sum() - full[-1]) // 255
    if len(full) <= 1 or step == 0:
        return np.arange(256)
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.minimum((before + step // 2) // step, 255)


@apply.register
def _(transform: t.Sharpness, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
    smooth = cv2.filter2D(x, -1, kernel)
    factor = np.float32(numbers[0])
    inner = (slice(1, -1), slice(1, -1))
    x[inner] = smooth[inner] + factor * (x[inner] - smooth[inner])
    return np.clip(x, 0, 255, out=x)


@apply.register
def _(transform: t.Blur, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    if not numbers[0]:
        return x
    radius = blur_radius(transform)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / numbers[0]) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    return cv2.sepFilter2D(x, -1, taps, taps, borderType=cv2.BORDER_REFLECT)


@apply.register
def _(transform: t.Noise, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    x += np.float32(numbers[0]) * normal(int(numbers[1]), x.size).reshape(x.shape)
    return np.clip(x, 0, 255, out=x)


def normal(key: int, count: int) -> np.ndarray:
    """Standard normal numbers by Box and Muller, float32 [count]."""
    pairs = -(-count // 2)
    shares = draw.uniform(draw.words(np.array([key], np.uint32), 2 * pairs)[0])
    first, second = shares[:pairs].astype(np.float32), shares[pairs:].astype(np.float32)
    radius = np.sqrt(np.float32(-2) * np.log(1 - first))
    angle = np.float32(2 * np.pi) * second
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


# --- regions, and beyond 0..255 -----------------------------------------------------------------


@apply.register(t.Occlude)
@apply.register(t.Erase)
def _(transform: t.Transform, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    left, top, right, bottom = numbers[:4].astype(int)
    x[top:bottom, left:right] = numbers[4]
    return x


@apply.register
def _(transform: t.GridMask, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    period, covered, left, top = numbers[:4].astype(int)
    columns = (np.arange(x.shape[1]) + left) % period < covered
    rows = (np.arange(x.shape[0]) + top) % period < covered
    x[np.ix_(rows, columns)] = numbers[4]
    return x


@apply.register
def _(transform: t.Center, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    return np.subtract(x, np.float32(np.mean(cv2.mean(x)[:3])), out=x)


@apply.register
def _(transform: t.Whiten, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    return (x.reshape(1, -1) @ whitening.load(transform.file, x.shape)).reshape(x.shape)


@apply.register
def _(transform: t.Standardize, picture: Picture, numbers: np.ndarray) -> np.ndarray:
    x = picture.floats()
    _, deviation = cv2.meanStdDev(x.reshape(-1, 1))
    return np.multiply(x, np.float32(1 / (deviation[0, 0] + 1e-6)), out=x)
