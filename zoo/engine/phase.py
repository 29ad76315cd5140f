"""One phase of a recipe: Keras fits what was set free, from wherever the phase stood."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from zoo.engine import checkpoint, cost, freeze, history, loss, optimizer, runtime
from zoo.engine.augmented import Augmented
from zoo.engine.checkpoint import Checkpoint
from zoo.engine.guard import Average, Best, FiniteLoss
from zoo.engine.parts import InParts
from zoo.engine.rate import Rate
from zoo.engine.strategy.agreement import Agreement
from zoo.engine.strategy.step import Shared
from zoo.engine.strategy.team import ALONE
from zoo.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zoo.engine.feed import Feed
    from zoo.engine.strategy.team import Team
    from zoo.recipe import Phase

XLA_STEPS = 1000
"""Compiling the step takes longer than it saves in fewer steps than these."""


class OutOfMemory(DeviceError):
    """The device's memory does not suffice for a step."""


def fit(
    model: keras.Model,
    phase: Phase,
    feed: Feed,
    *,
    seed: int,
    first_epoch: int,
    table: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    point: Checkpoint | None = None,
    save: Callable[[Checkpoint], None] | None = None,
    team: Team = ALONE,
) -> int:
    """Train a model through one phase, whose best weights it has afterwards.

    Args:
        model: The model, its layers set free by `freeze.free`.
        phase: The phase.
        feed: What it reads; the validation loss decides what is best.
        seed: Of the order of the training samples.
        first_epoch: Epochs that earlier phases took.
        table: history.csv, which gets a row per epoch.
        callbacks: Further callbacks.
        point: Where an earlier process left this phase, or None to begin it.
        save: Stores where the phase stands, at the end of as many epochs as it is worth.
        team: Those who train it together, each with a feed of its own share.

    Returns:
        How many epochs the phase took in all.

    Raises:
        Failure: If the loss is no longer a number; names the batch.
        OutOfMemory: If the device's memory does not suffice.
        RecipeError: If the optimizer does not take its options.
        RunError: If the point is of another model.
    """
    steps = math.ceil(len(feed.ids) / phase.batch_size)
    epochs = phase.epochs or math.ceil((phase.steps or 0) / steps)
    trained = scorer(model, phase, feed, steps * epochs, team)
    moves = freeze.moving(model)

    rate = Rate(phase, steps, epochs, first_epoch)
    best = Best(phase, moves)
    keeper = Keeper(trained, moves, rate, best, first_epoch, table, save)
    done = keeper.restore(point) if point is not None and point.arrays else 0
    watching = [
        FiniteLoss(phase, feed.ids, seed),
        rate,
        best,
        *([Average()] if phase.ema is not None else []),
        history.Rows(phase, table, rate),
        *callbacks,
        keeper,
        *([Agreement(team)] if team.workers > 1 else []),
    ]
    if done < epochs and not best.done:
        try:
            trained.fit(
                feed.train(first_epoch + done),
                validation_data=feed.val,
                initial_epoch=first_epoch + done,
                epochs=first_epoch + epochs,
                steps_per_epoch=steps,
                validation_steps=math.ceil(feed.val_count / phase.batch_size),
                callbacks=watching,
                shuffle=False,  # the dataset is shuffled already
                verbose=0,
            )
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise _out_of_memory(model, phase) from None
    checkpoint.assign(moves, best.values)
    return keeper.done


class Keeper(keras.callbacks.Callback):
    """Stores where a phase stands at the end of an epoch; the last callback of all.

    Args:
        scorer: What Keras fits.
        moves: The variables that the phase may change.
        rate: The rate's callback.
        best: The best epoch's callback.
        first_epoch: Epochs that earlier phases took.
        table: history.csv.
        save: Stores a checkpoint, or None.
    """

    def __init__(
        self,
        scorer: keras.Model,
        moves: Sequence[keras.Variable],
        rate: Rate,
        best: Best,
        first_epoch: int,
        table: Path,
        save: Callable[[Checkpoint], None] | None,
    ) -> None:
        super().__init__()
        self._scorer = scorer
        self._moves = moves
        self._rate = rate
        self._best = best
        self._first = first_epoch
        self._table = table
        self._save = save
        self._pace = checkpoint.Pace()
        self.done = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store it, if it is worth the time."""
        self.done = epoch + 1 - self._first
        if self._save is not None and self._pace.due():
            started = time.perf_counter()
            self._save(self.point())
            self._pace.wrote(started)

    def point(self) -> Checkpoint:
        """Where the phase stands."""
        facts = {
            "done": self.done,
            "history": history.size(self._table),
            "rate": self._rate.state(),
            "best": self._best.state(),
        }
        groups = {
            "model": checkpoint.values(self._moves),
            "best": self._best.values,
            "optimizer": dict(enumerate(map(_host, self._scorer.optimizer.variables))),
        }
        arrays = {f"{group}/{k}": v for group, held in groups.items() for k, v in held.items()}
        return Checkpoint(facts, arrays)

    def restore(self, point: Checkpoint) -> int:
        """Go on from a point; gives the epochs that are done."""
        draws = [each for each in self._moves if "seed_generator" in each.path]
        seeds = [each.numpy()[0] for each in draws]
        checkpoint.assign(self._moves, point.group("model"))
        for each, seed in zip(draws, seeds, strict=True):  # Each worker draws for itself.
            each.assign([seed, each.numpy()[1]])
        stored = point.group("optimizer")
        for number, variable in enumerate(self._scorer.optimizer.variables):
            variable.assign(stored[str(number)])
        self._rate.restore(point.facts["rate"])
        self._best.restore(point.facts["best"], point.group("best"))
        history.cut(self._table, point.facts["history"])
        self.done = int(point.facts["done"])
        return self.done


def scorer(
    model: keras.Model, phase: Phase, feed: Feed, steps: int, team: Team = ALONE
) -> keras.Model:
    """What Keras fits: from where batches enter to the logits, compiled."""
    scorer: keras.Model
    if team.strategy is not None:
        scorer = feed.part(Shared)
        scorer.team = team
    else:
        scorer = feed.part(InParts if feed.policy is None else Augmented)
    scorer.parts, scorer.plan = phase.accumulate, feed.policy
    # XLA fuses what the accelerator would else read and write again. On a CPU the step gains
    # less than compiling it costs; parts have lengths that XLA does not know.
    scorer.compile(
        optimizer=optimizer.build(model, phase),
        loss=loss.cross_entropy(phase.label_smoothing, phase.auxiliary),
        metrics=[loss.accuracy()],
        jit_compile=runtime.accelerated()
        and phase.accumulate == 1
        and steps >= XLA_STEPS
        and team.strategy is None,
    )
    return scorer


def _out_of_memory(model: keras.Model, phase: Phase) -> OutOfMemory:
    height, width = model.input.shape[1:3]
    size = math.ceil(phase.batch_size / phase.accumulate)
    estimate = cost.of(model).training_bytes(size) / 1e9
    parts = "" if phase.accumulate == 1 else f" in {phase.accumulate} parts"
    return OutOfMemory(
        f"out of memory in phase {phase.name} with batches of {phase.batch_size}{parts}, pictures "
        f"of {height}x{width}: a step takes about {estimate:.2g} GB",
        hint=f"--fit-memory, --set {phase.name}.accumulate={2 * phase.accumulate}, a smaller "
        "--input-size, or a lighter head: one that pools (pool=avg) or has fewer units",
    )


def _host(variable: keras.Variable) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable.value))
