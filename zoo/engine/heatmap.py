"""Heat maps as colour: one perceptually even table, one way to lay a map over its picture.

numpy and Pillow only. Colours mean values: a map is divided by the value at the top of its colour
bar and nothing else is done to it, so zero is always the table's dark end and never moves.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

# Control points of `inferno` (N. Smith and S. van der Walt for matplotlib, CC0): lightness rises
# evenly from black to pale yellow, also in print and for colour-blind readers.
_INFERNO = "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4"


def _table() -> np.ndarray:
    points = np.array([list(bytes.fromhex(each)) for each in _INFERNO.split()])
    at = np.linspace(0, len(points) - 1, 256)
    channels = [np.interp(at, np.arange(len(points)), points[:, each]) for each in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


TABLE = _table()
"""256 RGB colours, uint8 [256,3], from the lowest value to the highest."""


def colour(heat: np.ndarray, top: float) -> np.ndarray:
    """Look up the colours of an unsigned map.

    Args:
        heat: Values of any shape, 0 or more.
        top: The value of the brightest colour; 0 gives the dark end everywhere.

    Returns:
        RGB, uint8 [..., 3].
    """
    share = np.clip(heat / top, 0, 1) if top > 0 else np.zeros_like(heat)
    return TABLE[np.round(share * 255).astype(int)]


def enlarge(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map [h,w] to a picture's height and width by bilinear interpolation.

    A map's cell covers the same share of the picture as its place in the map, as in the model.
    """
    height, width = size
    raw = Image.fromarray(np.ascontiguousarray(heat, dtype=np.float32))
    return np.asarray(raw.resize((width, height), Image.Resampling.BILINEAR))


def overlay(
    picture: np.ndarray, heat: np.ndarray, *, top: float | None = None, alpha: float = 0.5
) -> np.ndarray:
    """Lay a map over its picture.

    Args:
        picture: RGB, uint8 [H,W,3].
        heat: Raw values, 0 or more, [h,w] of any size.
        top: The value of the brightest colour; the map's own largest if None.
        alpha: Share of the colour, 0 to 1; 0 gives the picture's own bits.

    Returns:
        RGB, uint8 [H,W,3].
    """
    top = float(heat.max()) if top is None else top
    colours = colour(enlarge(heat, picture.shape[:2]), top)
    blend = (1 - alpha) * picture.astype(np.float64) + alpha * colours
    return np.clip(np.round(blend), 0, 255).astype(np.uint8)
