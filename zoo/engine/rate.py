"""The learning rate of each step: a function of the step alone, and of the losses on a plateau."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras

from zoo.schedule import Plateau

if TYPE_CHECKING:
    from zoo.recipe import Phase


class Rate(keras.callbacks.Callback):
    """Sets the learning rate before every step.

    Args:
        phase: Whose `learning_rate` and `schedule` are followed.
        steps: Steps of an epoch.
        epochs: Epochs of the phase.
        first_epoch: Epochs that earlier phases took.
    """

    def __init__(self, phase: Phase, steps: int, epochs: int, first_epoch: int) -> None:
        super().__init__()
        self._phase = phase
        self._steps = steps
        self._total = steps * epochs
        self._first = first_epoch
        self._epoch = first_epoch
        self.drops = 0
        self.waited = 0
        self.best = math.inf
        self.current = phase.learning_rate

    def at(self, step: int) -> float:
        """The rate of a step of the phase, counted from 0."""
        schedule = self._phase.schedule
        factor = schedule.factor(step / self._total)
        if isinstance(schedule, Plateau):
            factor = schedule.by**self.drops
        return self._phase.learning_rate * factor

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the rate."""
        wanted = self.at((self._epoch - self._first) * self._steps + batch)
        if wanted != self.current or not batch:
            self.model.optimizer.learning_rate = self.current = wanted

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count epochs without a lower validation loss."""
        if not isinstance(self._phase.schedule, Plateau):
            return
        loss = float((logs or {})["val_loss"])
        self.waited = 0 if loss < self.best else self.waited + 1
        self.best = min(loss, self.best)
        if self.waited >= self._phase.schedule.patience:
            self.drops, self.waited = self.drops + 1, 0

    def state(self) -> dict[str, Any]:
        """What has to be known to go on."""
        return {"drops": self.drops, "waited": self.waited, "best": self.best}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.drops, self.waited = int(state["drops"]), int(state["waited"])
        self.best = float(state["best"])
