"""What an operation did to a model's answers, measured on named pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from zoo.engine import anatomy, picture

BATCH = 16


@dataclass(frozen=True)
class Certificate:
    """One operation and how far the answers moved.

    Args:
        step: The operation as plain data.
        changed: What was done, a sentence each.
        details: Figures of the operation.
        pictures: How many pictures were asked about.
        digest: The sha256 of their pixels.
        largest: Largest change of any logit.
        mean: Mean change of the logits.
        scale: The largest logit before, by absolute value.
        agreement: Share of pictures whose likeliest class is the same.
        tolerance: Largest change accepted, relative to `scale`; None where none was promised.
        kept: Outputs that were compared, (before, after); None for all of them.
        size: Height and width of the pictures.
        dtype: What the model calculates in.
        seconds: What the operation and its check took.
    """

    step: dict[str, Any]
    changed: tuple[str, ...]
    details: dict[str, Any]
    pictures: int
    digest: str
    largest: float
    mean: float
    scale: float
    agreement: float
    tolerance: float | None
    kept: tuple[tuple[int, int], ...] | None
    size: tuple[int, int]
    dtype: str
    seconds: float

    @property
    def relative(self) -> float:
        """Largest change in units of the largest logit."""
        return self.largest / self.scale if self.scale else self.largest

    @property
    def holds(self) -> bool:
        """Whether the model's answers are as they were, where that was promised."""
        return self.tolerance is None or bool(self.relative <= self.tolerance)

    def document(self) -> dict[str, Any]:
        """The certificate as plain data."""
        told = {**asdict(self), "relative": self.relative, "holds": self.holds}
        return {**told, "changed": list(self.changed)}


@dataclass(frozen=True)
class Difference:
    """How far two sets of logits [N, classes] are apart; see `Certificate`."""

    largest: float
    mean: float
    scale: float
    agreement: float


def difference(before: np.ndarray, after: np.ndarray) -> Difference:
    """Compare the logits of the same pictures.

    Args:
        before: Float [N, classes].
        after: Float [N, classes].
    """
    if not before.size:  # No class stayed: there is nothing to compare.
        return Difference(0.0, 0.0, 0.0, 0.0)
    change = np.abs(after.astype(np.float64) - before.astype(np.float64))
    if change.shape[1] == 1:  # one sigmoid output: above 0 is the second class
        same = (before > 0) == (after > 0)
    else:
        same = before.argmax(axis=1) == after.argmax(axis=1)
    return Difference(
        float(change.max()), float(change.mean()), float(np.abs(before).max()), float(same.mean())
    )


def logits(model: keras.Model, batches: Iterable[np.ndarray], *, grey: bool = False) -> np.ndarray:
    """The scores of pictures in inference mode.

    Args:
        model: The model, of any number of input channels, over which those of the pictures are
            repeated.
        batches: RGB pictures, uint8 [n,H,W,3].
        grey: Ask about grey versions of them.

    Returns:
        Float32 [N, classes].
    """
    scorer = keras.Model(model.input, anatomy.logits_tensor(model))
    found = []
    for images in batches:
        if grey:
            images = picture.in_channels(images, 1)
        images = picture.in_channels(images, model.input.shape[3]).astype(np.float32)
        found.append(np.asarray(scorer(images, training=False)))
    return np.concatenate(found).astype(np.float32)


def columns(
    kept: Sequence[Sequence[int]] | None, before: np.ndarray, after: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The logits that both models have, in one order."""
    if kept is None:
        return before, after
    return before[:, [old for old, _ in kept]], after[:, [new for _, new in kept]]
