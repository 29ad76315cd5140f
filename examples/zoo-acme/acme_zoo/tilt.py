"""Pictures taken from a little aside."""

from __future__ import annotations

from zoo.api import Fill, Flip, Policy, Rotate, Shear


def tilt(*, shear: float = 8.0, rotation: float = 8.0, flip: bool = True) -> Policy:
    """Slant and turn, as a picture taken from aside, and mirror half of the pictures.

    Args:
        shear: Largest slant in degrees, either way, 0 to 89.
        rotation: Largest angle in degrees, either way, 0 to 180.
        flip: Mirror half of the pictures left to right; not for digits and letters.
    """
    return [
        Shear(shear),
        Rotate(rotation),
        Flip("horizontal", probability=0.5 if flip else 0.0),
        Fill("nearest"),
    ]
