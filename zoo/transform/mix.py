"""Transforms that mix pictures of a batch, and their labels with them.

What a picture is mixed with is the picture before it in the batch, the first with the last; how
much and where is drawn for the picture as all else is.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.transform.base import Transform, limits


@dataclass(frozen=True)
class MixUp(Transform):
    """Blend each picture and its label with another's (arXiv:1710.09412).

    Args:
        alpha: Parameter of the beta distribution of the picture's own weight.
    """

    alpha: float = limits("an alpha", 0.01, 100, fixed=True)


@dataclass(frozen=True)
class CutMix(Transform):
    """Paste a rectangle of another picture, and as much of its label (arXiv:1905.04899).

    Args:
        alpha: Parameter of the beta distribution of the share that stays.
    """

    alpha: float = limits("an alpha", 0.01, 100, fixed=True)
