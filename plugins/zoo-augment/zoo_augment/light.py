"""Small moves of the camera: enough to keep a fine-tuned network from learning by heart."""

from __future__ import annotations

from typing import Literal

from zoo.api import Fill, Flip, Policy, PolicyError, Rotate, Shift, Zoom


def light(
    *,
    rotation: float = 15.0,
    shift: float = 0.1,
    zoom: float = 0.1,
    flip: bool = True,
    fill: Literal["nearest", "reflect", "constant", "wrap"] = "nearest",
) -> Policy:
    """Rotate, shift, zoom and mirror a little; each picture draws its own.

    Args:
        rotation: Largest angle in degrees, either way.
        shift: Largest move, as a share of width and of height.
        zoom: Width and height are each stretched by a factor of 1-zoom to 1+zoom.
        flip: Mirror half of the pictures left to right; not for digits and letters.
        fill: What is seen beyond the border.

    Raises:
        PolicyError: A range is outside of what its transform takes.
    """
    if not 0 <= zoom < 1:
        raise PolicyError(f"light takes zoom from 0 up to but not including 1, received {zoom}")
    return [
        Rotate(rotation),
        Shift(horizontal=shift, vertical=shift),
        Zoom(1 - zoom, 1 + zoom),
        Flip("horizontal", probability=0.5 if flip else 0.0),
        Fill(fill),
    ]
