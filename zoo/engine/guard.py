"""What is watched while a phase runs: its best epoch, its patience, a loss that is no number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.engine import checkpoint, data
from zoo.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.recipe import Phase


class Best(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest validation loss, and ends a phase that waits.

    Only what the phase may change is copied.

    Args:
        phase: Whose `patience` and `min_delta` count.
        variables: What the phase may change.
    """

    def __init__(self, phase: Phase, variables: Sequence[keras.Variable]) -> None:
        super().__init__()
        self._phase = phase
        self._variables = variables
        self._mark = math.inf
        self.loss = math.inf
        self.waited = 0
        self.values: dict[str, np.ndarray] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Copy the weights if they are the best so far."""
        loss = float((logs or {})["val_loss"])
        if loss < self.loss or not self.values:
            self.loss = loss
            self.values = checkpoint.values(self._variables)
        if loss < self._mark - self._phase.min_delta:
            self._mark, self.waited = loss, 0
        else:
            self.waited += 1
        if self.done:
            self.model.stop_training = True

    @property
    def done(self) -> bool:
        """Whether patience is at its end."""
        return self._phase.patience is not None and self.waited >= self._phase.patience

    def state(self) -> dict[str, Any]:
        """What has to be known to go on, beside the weights."""
        return {"loss": self.loss, "mark": self._mark, "waited": self.waited}

    def restore(self, state: dict[str, Any], values: dict[str, np.ndarray]) -> None:
        """Go on from what `state` and `values` gave."""
        self.loss, self._mark = float(state["loss"]), float(state["mark"])
        self.waited = int(state["waited"])
        self.values = values


class Average(keras.callbacks.Callback):
    """Puts the moving average of the weights in their place while they are validated and kept.

    It stands behind `Best` in the list of callbacks: at the end of an epoch those before it see
    the average, those after it what is being trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trained: list[np.ndarray] | None = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Put the average in place."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        variables = self.model.trainable_variables
        self._trained = [keras.ops.convert_to_numpy(each.value).copy() for each in variables]
        for each, average in zip(variables, optimizer._model_variables_moving_average, strict=True):
            each.assign(average)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put back what is being trained."""
        for each, value in zip(self.model.trainable_variables, self._trained or (), strict=True):
            each.assign(value)
        self._trained = None


class FiniteLoss(keras.callbacks.Callback):
    """Ends the training at the first batch whose loss is no number, and names it.

    Args:
        phase: The phase.
        ids: The training pictures' names.
        seed: Of the order they come in.
    """

    def __init__(self, phase: Phase, ids: Sequence[str], seed: int) -> None:
        super().__init__()
        self._phase = phase
        self._ids = ids
        self._seed = seed
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note which order the pictures come in."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the loss."""
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            return
        size = self._phase.batch_size
        places = data.order(len(self._ids), self._seed, self._epoch)[batch * size :][:size]
        named = ", ".join(self._ids[place] for place in places[:3])
        raise Failure(
            f"the loss became {loss} in phase {self._phase.name}, epoch {self._epoch + 1}, "
            f"batch {batch + 1} ({named} ...)",
            hint=f"lower the learning rate, now {self._phase.learning_rate:g}: "
            f"--set {self._phase.name}.learning_rate={self._phase.learning_rate / 10:g}",
        )
