"""Workers end a phase together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from zoo.engine.strategy.team import Team


class Agreement(keras.callbacks.Callback):
    """Ends the phase in every worker if it ends in one; the last callback of all.

    Callbacks of plugins run in the first worker alone. One who stopped alone would leave the
    others waiting for it.

    Args:
        team: The workers.
    """

    def __init__(self, team: Team) -> None:
        super().__init__()
        self._team = team

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Ask the others."""
        self.model.stop_training = "stop" in self._team.tell(
            "stop" if self.model.stop_training else "go"
        )
