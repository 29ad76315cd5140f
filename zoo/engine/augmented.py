"""A training step that augments its batch itself, on the device that it runs on."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import keras
import tensorflow as tf

from zoo.engine.parts import InParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.engine.augment import Plan


class Augmented(InParts):
    """A functional model whose batches are pictures and the rows that `Plan.prepared` gives.

    What is drawn was drawn ahead; the warp and the colours are compiled with the step, so that
    pictures come to the device in bytes. Nothing of it is a layer, so that no model is saved
    with it, and scoring takes pictures as they are.
    """

    plan: Plan | None = None

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on one batch."""
        (images, rows), labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        return super().train_step((self._augment(images, rows), labels, weights))

    @cached_property
    def _augment(self) -> Callable[[Any, Any], Any]:
        # Without XLA every operation would read and write the whole batch.
        compiled: Callable[[Any, Any], Any] = tf.function(
            cast("Plan", self.plan).on_device, jit_compile=True
        )
        return compiled
