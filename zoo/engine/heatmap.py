"""Heat maps as colour: perceptually even tables, one way to lay a map over its picture.

numpy and Pillow only. Colours mean values: a map is divided by the value at the top of its colour
bar and nothing else is done to it, so zero is always at the same colour. That is the dark end for
a map that only speaks for a class, and the pale middle of a table of two colours for one that also
speaks against it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

Colours: TypeAlias = Literal["inferno", "viridis", "grey"]

# Control points: inferno and viridis of N. Smith and S. van der Walt for matplotlib (CC0), whose
# lightness rises evenly, also in print and for colour-blind readers; RdBu of C. Brewer's
# ColorBrewer (Apache-2.0), blue against a class and red for it.
_POINTS = {
    "inferno": "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
    "viridis": "440154 482878 3e4a89 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "grey": "000000 ffffff",
    "signed": "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f",
}


def _table(text: str) -> np.ndarray:
    points = np.array([list(bytes.fromhex(each)) for each in text.split()])
    at = np.linspace(0, len(points) - 1, 256)
    channels = [np.interp(at, np.arange(len(points)), points[:, each]) for each in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


TABLES = {name: _table(text) for name, text in _POINTS.items()}
"""256 RGB colours each, uint8 [256,3], from the lowest value to the highest."""


def is_signed(heat: np.ndarray) -> bool:
    """Whether a map also speaks against the class."""
    return bool(heat.min() < 0)


def limit(heat: np.ndarray) -> float:
    """The value at the top of a map's own colour bar."""
    return float(np.abs(heat).max())


def table(signed: bool, colours: Colours = "inferno") -> np.ndarray:
    """The colours of a map, uint8 [256,3]."""
    return TABLES["signed" if signed else colours]


def colour(
    heat: np.ndarray, top: float, *, signed: bool = False, colours: Colours = "inferno"
) -> np.ndarray:
    """Look up the colours of a map.

    Args:
        heat: Values of any shape; 0 or more unless signed.
        top: The value of the last colour; 0 gives the colour of zero everywhere.
        signed: Colour from `-top` to `top`, zero in the middle.
        colours: Table of an unsigned map.

    Returns:
        RGB, uint8 [..., 3].
    """
    share = heat / top if top > 0 else np.zeros_like(heat)
    share = (share + 1) / 2 if signed else share
    return table(signed, colours)[np.round(np.clip(share, 0, 1) * 255).astype(int)]


def enlarge(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map [h,w] to a picture's height and width by bilinear interpolation.

    A map's cell covers the same share of the picture as its place in the map, as in the model.
    A map that is finer than the picture is averaged.
    """
    height, width = size
    raw = Image.fromarray(np.ascontiguousarray(heat, dtype=np.float32))
    return np.asarray(raw.resize((width, height), Image.Resampling.BILINEAR))


def overlay(
    picture: np.ndarray,
    heat: np.ndarray,
    *,
    top: float | None = None,
    alpha: float = 0.5,
    signed: bool = False,
    colours: Colours = "inferno",
) -> np.ndarray:
    """Lay a map over its picture.

    Under a map of two colours the picture is grey, as its own red and blue would be read as values.

    Args:
        picture: RGB, uint8 [H,W,3].
        heat: Raw values, [h,w] of any size; 0 or more unless signed.
        top: The value of the last colour; the map's own largest if None.
        alpha: Share of the colour, 0 to 1; 0 gives the picture's own bits.
        signed: As `colour`.
        colours: As `colour`.

    Returns:
        RGB, uint8 [H,W,3].
    """
    top = limit(heat) if top is None else top
    seen = colour(enlarge(heat, picture.shape[:2]), top, signed=signed, colours=colours)
    under = picture.astype(np.float64)
    if signed and alpha > 0:
        under = under.mean(axis=-1, keepdims=True)
    blend = (1 - alpha) * under + alpha * seen
    return np.clip(np.round(blend), 0, 255).astype(np.uint8)
