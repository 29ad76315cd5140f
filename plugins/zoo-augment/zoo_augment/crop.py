"""The crop that networks for ImageNet are trained with."""

from __future__ import annotations

from zoo.api import Flip, Policy, ResizedCrop


def standard(*, area: float = 0.08, flip: bool = True) -> Policy:
    """Random resized crop and flip: what networks for ImageNet have been trained with since 2014.

    Args:
        area: Smallest share of the picture that is cut out; the largest is all of it.
        flip: Mirror half of the pictures left to right.

    Raises:
        PolicyError: The area is no share.
    """
    return [ResizedCrop(area=(area, 1.0)), Flip("horizontal", 0.5 if flip else 0.0)]
