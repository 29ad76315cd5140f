"""Policies that mix pictures and their labels, after those of another policy."""

from __future__ import annotations

from typing import Literal

from zoo.api import CutMix, MixUp, OneOf, Policy, Sometimes

from .crop import standard
from .flip import flip
from .light import light


def mixup(
    *, alpha: float = 0.2, base: Literal["none", "flip", "light", "standard"] = "flip"
) -> Policy:
    """MixUp: each picture and its label blended with another's.

    Args:
        alpha: Parameter of the beta distribution of a picture's own weight; the larger, the more
            even are the blends.
        base: What pictures undergo before.

    Raises:
        PolicyError: Alpha is not above 0.
    """
    return [*_base(base), MixUp(alpha)]


def cutmix(
    *, alpha: float = 1.0, base: Literal["none", "flip", "light", "standard"] = "flip"
) -> Policy:
    """CutMix: a rectangle of another picture in each, and as much of its label.

    Args:
        alpha: Parameter of the beta distribution of the share that stays.
        base: What pictures undergo before.

    Raises:
        PolicyError: Alpha is not above 0.
    """
    return [*_base(base), CutMix(alpha)]


def mixup_cutmix(
    *,
    mixup_alpha: float = 0.8,
    cutmix_alpha: float = 1.0,
    probability: float = 1.0,
    base: Literal["none", "flip", "light", "standard"] = "standard",
) -> Policy:
    """MixUp for one half of the pictures, CutMix for the other (arXiv:2012.12877).

    Args:
        mixup_alpha: Alpha of MixUp.
        cutmix_alpha: Alpha of CutMix.
        probability: Share of the pictures that are mixed at all.
        base: What pictures undergo before.

    Raises:
        PolicyError: An alpha is not above 0, or the probability no share.
    """
    either = OneOf((MixUp(mixup_alpha), CutMix(cutmix_alpha)))
    return [*_base(base), Sometimes(probability, (either,))]


def _base(name: str) -> Policy:
    known = {"none": list, "flip": flip, "light": light, "standard": standard}
    return known[name]()
