"""Test-time augmentation: several views of a picture, whose answers are averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from zoo import policy, registry
from zoo.engine import augment
from zoo.errors import PolicyError

Views = Callable[[np.ndarray, np.ndarray], Iterator[np.ndarray]]
"""Takes a batch and its indices to its views, one batch after another."""


def of(text: str, size: tuple[int, int]) -> Views:
    """Read a policy and a number of views.

    Args:
        text: Such as "light:n=8".
        size: Height and width of the model's input.

    Returns:
        What gives the views: the pictures themselves, then n - 1 augmentations of them, the same
        at every call.

    Raises:
        PolicyError: The policy gives no pictures that the model takes.
    """
    name, count = policy.views(text)
    plan = augment.compile(policy.transforms(name, registry.load()))
    plan.given(size)
    if plan.mixes:
        raise PolicyError(f"{name} mixes pictures, which leaves no answer for any one of them")

    def views(images: np.ndarray, indices: np.ndarray) -> Iterator[np.ndarray]:
        yield images
        for view in range(1, count):
            yield plan.apply(images, 0, view, indices)

    return views
