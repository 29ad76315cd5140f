"""Every colour transform by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo import transform as t
from zoo.engine.augment.oracle.draw import Drawn, from_log_range, from_range, mixed
from zoo.engine.augment.oracle.warp import mirrored


def _grey(x: np.ndarray) -> np.ndarray:
    return 0.299 * x[..., :1] + 0.587 * x[..., 1:2] + 0.114 * x[..., 2:]


def colour(drawn: Drawn, x: np.ndarray) -> np.ndarray:
    """What one transform makes of a picture, before it is cut to 0..255."""
    shares = drawn.shares
    height, width = x.shape[:2]
    match drawn.transform:
        case t.Brightness(factor):
            return x * from_range(factor, shares[0])
        case t.Contrast(factor):
            mean = _grey(x).mean()
            return mean + from_range(factor, shares[0]) * (x - mean)
        case t.Saturation(factor):
            return _grey(x) + from_range(factor, shares[0]) * (x - _grey(x))
        case t.Grayscale():
            return _grey(x) * np.ones(3)
        case t.Hue(degrees):
            return _hue(x, np.radians(from_range(degrees, shares[0], True)))
        case t.Invert():
            return 255 - x
        case t.ChannelShift(levels):
            return x + np.array([from_range(levels, each, True) for each in shares])
        case t.ChannelShiftWithin(levels):
            return np.clip(x + from_range(levels, shares[0], True), x.min(), x.max())
        case t.BrightnessInBytes(factor):
            return np.floor(np.floor(x) * from_range(factor, shares[0]))
        case t.Gamma(power):
            return 255 * (x / 255) ** from_range(power, shares[0])
        case t.Solarize(threshold):
            return np.where(x >= from_range(threshold, shares[0]), 255 - x, x)
        case t.Posterize(bits):
            step = 2 ** (8 - from_range(bits, shares[0]))
            return np.floor(x / step) * step
        case t.AutoContrast():
            return np.stack([_stretched(x[..., each]) for each in range(3)], axis=-1)
        case t.Equalize():
            return np.stack([_equalized(np.rint(x[..., each])) for each in range(3)], axis=-1)
        case t.Sharpness(factor):
            return _sharpness(x, from_range(factor, shares[0]))
        case t.Blur(sigma):
            return _blur(x, from_range(sigma, shares[0]))
        case t.Noise(deviation):
            return x + from_range(deviation, shares[0]) * _normal(int(shares[1] * 2**24), x.shape)
        case t.Occlude(side, value):
            side = from_range(side, shares[0])
            return _cover(x, side, side, shares[1:3], from_range(value, shares[3]))
        case t.Erase(area, ratio, value):
            pixels, shape = (
                from_range(area, shares[0]) * height * width,
                from_log_range(ratio, shares[1]),
            )
            high, wide = np.rint(np.sqrt(pixels * shape)), np.rint(np.sqrt(pixels / shape))
            return _cover(x, wide, high, shares[2:4], from_range(value, shares[4]))
        case t.GridMask(unit, covered, value):
            return _grid(x, unit, covered, value, shares)
        case t.Rescale(factor):
            return x * factor
        case t.Center():
            return x - x.mean()
        case t.Whiten(file):
            with np.load(file, allow_pickle=False) as stored:
                return np.einsum("i,ij->j", x.ravel(), stored["matrix"]).reshape(x.shape)
        case t.Standardize():
            return x / (x.std() + 1e-6)
        case t.Normalize(mean, std):
            return (x - np.array(mean)) / (1 if std is None else np.array(std) + 1e-6)
    raise TypeError(drawn.transform)


def _hue(x: np.ndarray, angle: float) -> np.ndarray:
    """Turn the chroma, which is a complex number, and leave luma."""
    luma = _grey(x)[..., 0]
    cosine, sine = np.array([0.5959, -0.2746, -0.3213]), np.array([0.2115, -0.5227, 0.3112])
    cosine, sine = cosine - cosine.mean(), sine - sine.mean()
    chroma = (x @ cosine + 1j * (x @ sine)) * np.exp(1j * angle)
    back = np.linalg.inv(np.array([[0.299, 0.587, 0.114], cosine, sine]))
    return np.stack([luma, chroma.real, chroma.imag], axis=-1) @ back.T


def _stretched(channel: np.ndarray) -> np.ndarray:
    low, high = channel.min(), channel.max()
    return channel if low == high else (channel - low) * 255 / (high - low)


def _equalized(channel: np.ndarray) -> np.ndarray:
    """Pillow's rule, in its own loop."""
    counts = [int((channel == level).sum()) for level in range(256)]
    full = [each for each in counts if each]
    step = (sum(full) - full[-1]) // 255
    if len(full) <= 1 or not step:
        return channel
    table, n = [], step // 2
    for count in counts:
        table.append(min(n // step, 255))
        n += count
    return np.array(table, np.float64)[channel.astype(int)]


def _sharpness(x: np.ndarray, factor: float) -> np.ndarray:
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    smooth = x.copy()
    height, width = x.shape[:2]
    smooth[1:-1, 1:-1] = sum(
        kernel[i, j] * x[i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3)
    )
    return smooth + factor * (x - smooth)


def _blur(x: np.ndarray, sigma: float) -> np.ndarray:
    if sigma == 0:
        return x
    for axis in (0, 1):
        size = x.shape[axis]
        place = np.arange(size)[:, None]
        radius = int(np.ceil(4 * sigma)) + 8
        weights = np.zeros((size, size))
        for step in range(-radius, radius + 1):
            index = mirrored(place + step, size, "reflect")
            np.add.at(weights, (place, index), np.exp(-((step / sigma) ** 2) / 2))
        weights /= weights.sum(axis=1, keepdims=True)
        x = np.moveaxis(np.tensordot(weights, x, (1, axis)), 0, axis)
    return x


def _normal(key: int, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape))
    pairs = (count + 1) // 2
    shares = [
        (mixed((key ^ mixed(slot + 1)) + 0x9E3779B9) >> 8) / 2**24 for slot in range(2 * pairs)
    ]
    first, second = np.array(shares[:pairs]), np.array(shares[pairs:])
    polar = np.sqrt(-2 * np.log(1 - first)) * np.exp(2j * np.pi * second)
    return np.concatenate([polar.real, polar.imag])[:count].reshape(shape)


def _cover(
    x: np.ndarray, wide: float, high: float, place: Sequence[float], value: float
) -> np.ndarray:
    height, width = x.shape[:2]
    wide, high = min(wide, width), min(high, height)
    left, top = int(place[0] * (width - wide + 1)), int(place[1] * (height - high + 1))
    x = x.copy()
    x[top : top + int(high), left : left + int(wide)] = value
    return x


def _grid(x: np.ndarray, unit: Any, covered: Any, value: Any, shares: list[float]) -> np.ndarray:
    height, width = x.shape[:2]
    period = max(int(np.rint(from_range(unit, shares[0]) * min(height, width))), 1)
    side = np.rint(from_range(covered, shares[1]) * period)
    left, top = int(shares[2] * period), int(shares[3] * period)
    x = x.copy()
    for row in range(height):
        for column in range(width):
            if (row + top) % period < side and (column + left) % period < side:
                x[row, column] = from_range(value, shares[4])
    return x
