"""What is watched while a phase runs: its best epoch, its patience, a loss that is no number."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.engine import checkpoint, data
from zoo.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.recipe import Phase

LOOK_SECONDS = 0.2
"""How long losses are kept unread."""


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
    """Ends the training soon after a batch whose loss is no number, and names that batch.

    Reading a loss waits for the device, so losses are kept unread for a while.

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
        self._epoch = self._batch = 0
        self._unread: list[Any] = []
        self._read = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note which order the pictures come in."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the loss, and look at it where the last look was a while ago."""
        self._batch = batch
        self._unread.append((logs or {})["loss"])
        if time.perf_counter() - self._read > LOOK_SECONDS:
            self._look()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Look at the losses of the epoch's last batches."""
        self._look()

    def _look(self) -> None:
        """Read what was kept: means of the epoch so far, of which the last tells of all."""
        unread, self._unread = self._unread, []
        self._read = time.perf_counter()
        if not unread or math.isfinite(float(unread[-1])):
            return
        losses = [float(each) for each in unread]
        place = next(place for place, loss in enumerate(losses) if not math.isfinite(loss))
        self._fail(self._batch - len(losses) + 1 + place, losses[place])

    def _fail(self, batch: int, loss: float) -> None:
        size = self._phase.batch_size
        places = data.order(len(self._ids), self._seed, self._epoch)[batch * size :][:size]
        named = ", ".join(self._ids[place] for place in places[:3])
        raise Failure(
            f"the loss became {loss} in phase {self._phase.name}, epoch {self._epoch + 1}, "
            f"batch {batch + 1} ({named} ...)",
            hint=f"lower the learning rate, now {self._phase.learning_rate:g}: "
            f"--set {self._phase.name}.learning_rate={self._phase.learning_rate / 10:g}",
        )
