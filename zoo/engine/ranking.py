"""The most probable classes, as every command tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def ranked(row: np.ndarray, classes: Sequence[str], top: int) -> dict[str, Any]:
    """The most probable classes of one picture.

    Args:
        row: Probabilities [classes].
        classes: Their names.
        top: How many to name.

    Returns:
        `class` and `probability` of the first, and a list `top` of both for each; of equal ones
        the first in the model's order comes first.
    """
    order = np.argsort(-row, kind="stable")[:top]
    named = [{"class": classes[i], "probability": float(row[i])} for i in order]
    return {**named[0], "top": named}
