"""The phases of a recipe one after another, from wherever a run stands."""

from __future__ import annotations

import errno
import math
import os
import shutil
import time
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import registry
from zoo.engine import (
    anatomy,
    artefact,
    augment,
    cutline,
    data,
    decoded,
    features,
    feed,
    freeze,
    history,
    loss,
    phase,
    surgery,
)
from zoo.engine.checkpoint import Checkpoint
from zoo.engine.strategy.step import synchronized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import keras

    from zoo.engine.feed import Feed
    from zoo.engine.folder import Sample
    from zoo.engine.job import Job
    from zoo.engine.progress import Screen
    from zoo.engine.run import Run
    from zoo.engine.shards import Shards
    from zoo.engine.strategy.team import Team
    from zoo.recipe import Phase, Recipe


ROOM = 1 << 20
"""Bytes that a file of weights may take beside them."""


@dataclass
class Log:
    """What is known of a training's phases, written with every checkpoint.

    Args:
        folder: Where checkpoints are written.
        phase: Number of the phase it is in.
        done: Epochs of it that are done.
        first_epoch: Epochs that the phases before took.
        history: Bytes of history.csv that belong to the checkpoint.
        seconds: Of each phase, by name.
        earlier: Seconds that went into the training so far, in whatever processes.
        contracts: What `Contract.check` found, by phase.
        unreadable: Why a picture was left out, by its name.
        surgery: Certificates of the operations before phases, in order.
    """

    folder: Path
    phase: int = 0
    done: int = 0
    first_epoch: int = 0
    history: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    earlier: float = 0.0
    contracts: dict[str, Any] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    surgery: list[dict[str, Any]] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """All of it but the folder, as plain data."""
        return {each.name: getattr(self, each.name) for each in fields(self)[1:]}

    @classmethod
    def read(cls, folder: Path, point: Checkpoint | None) -> Log:
        """What a checkpoint holds, or the beginning where there is none."""
        known = {each.name for each in fields(cls)[1:]}
        facts = point.facts if point else {}
        return cls(folder, **{key: value for key, value in facts.items() if key in known})


def train(job: Job, draft: Run, shown: Screen) -> tuple[keras.Model, Log]:
    """Go through the recipe, each phase beginning with the best weights of the one before.

    Args:
        job: What to train; its model is the one before the first phase.
        draft: The run; its checkpoints say how far an earlier process came.
        shown: Where progress goes.

    Returns:
        The trained model, which operations may have changed, and what is known of the phases.

    Raises:
        Failure: If a phase diverged or broke its contract.
        OutOfMemory: If the device's memory does not suffice.
        RunError: If the checkpoint is of another model.
    """
    samples = job.folder.split("train"), job.folder.split("val")
    table = draft.path / "history.csv"
    point = Checkpoint.read(draft.checkpoints)
    log = Log.read(draft.checkpoints, point)
    history.cut(table, log.history)
    if point is not None:
        shown.note(f"going on after {log.first_epoch + log.done} epochs")
    for number in range(log.phase):
        job = _operated(job, draft, log, number)
    model = job.model
    if log.phase:
        anatomy.whole(model).load_weights(_best(draft, job.recipe, log.phase - 1))
    clock, team = _Clock(log), job.team
    with data.tolerate(samples[0]) as bad, data.tolerate(samples[1]) as bad_val:
        for number, leg in list(enumerate(job.recipe.phases))[log.phase :]:
            job = _operated(job, draft, log, number)
            model = job.model
            for row in log.surgery if leg.surgery else ():
                shown.line(_certified(row))
            _begin_drawing(model, job.seed, number, team.number)
            team.align([each for each in model.variables if each.dtype == "float32"])
            groups = freeze.free(model, leg)
            shown.line(_headline(model, leg, groups, team))
            before = point.facts["before"] if point and point.arrays else None
            contract = freeze.Contract(before) if before else freeze.Contract.of(model)
            if before:
                contract.check_held(model)

            def save(reached: Checkpoint, name: str = leg.name, contract: Any = contract) -> None:
                clock.note(name)
                log.unreadable |= {**bad.reasons, **bad_val.reasons}
                facts = {**log.facts(), **reached.facts, "before": dict(contract.before)}
                Checkpoint(facts, reached.arrays).write(log.folder)

            source = _source(job, leg, samples, (bad, bad_val), shown)
            with (
                shown.phase(leg, len(samples[0]), log.first_epoch) as progress,
                synchronized(model, team.replicas),
            ):
                taken = phase.fit(
                    model,
                    leg,
                    source,
                    seed=job.seed,
                    first_epoch=log.first_epoch,
                    table=table,
                    callbacks=[*(_plugin_callbacks(draft.path) if team.chief else ()), progress],
                    point=point if before else None,
                    save=save if team.chief else None,
                    team=team,
                )
            log.contracts[leg.name] = contract.check(model, leg)
            if team.chief:
                _save_best(model, _best(draft, job.recipe, number))
            log.phase, log.done, point = number + 1, 0, None
            log.first_epoch, log.history = log.first_epoch + taken, history.size(table)
            clock.note(leg.name)
            for each in (bad, bad_val):
                each.join(team.union(each.reasons))
                log.unreadable |= each.reasons
            Checkpoint(log.facts()).write(log.folder)
    return model, log


def _begin_drawing(model: keras.Model, seed: int, number: int, worker: int) -> None:
    """Start all random generators where a phase starts them, in whatever process it begins.

    What a phase draws would else hang on how much the one before drew, which no file holds.
    """
    generators = [each for each in anatomy.whole(model).variables if "seed_generator" in each.path]
    known = [seed, number, *([worker] if worker else [])]
    states = np.random.SeedSequence(known).generate_state(len(generators))
    for generator, state in zip(generators, states, strict=True):
        generator.assign([state, 0])


def _operated(job: Job, draft: Run, log: Log, number: int) -> Job:
    """The job with the model that the operations before a phase make of it.

    What an earlier process made and certified is read again.
    """
    leg = job.recipe.phases[number]
    if not leg.surgery:
        return job
    file = f"{draft.checkpoints.name}/{number + 1}-{leg.name}.operated.keras"
    if any(row["model"] == file for row in log.surgery):
        return replace(job, model=artefact.load(draft.path / file))
    model, log.surgery = surgery.before(
        job.model,
        leg.surgery,
        job.folder.split("train"),
        run=draft.path,
        file=file,
        root=job.folder.root.absolute(),
        earlier=log.surgery,
    )
    return replace(job, model=model)


def _certified(row: dict[str, Any]) -> str:
    """Say what an operation did to the answers."""
    return (
        f"{row['step']['do']}: {len(row['changed'])} changes, logits differ by "
        f"{row['relative']:.2g} of the largest, {row['agreement']:.1%} of the answers stayed"
    )


def _source(
    job: Job,
    leg: Phase,
    samples: tuple[Sequence[Sample], Sequence[Sample]],
    unreadable: tuple[data.Unreadable, data.Unreadable],
    shown: Screen,
) -> Feed:
    """Stored features where the phase allows, pictures where not."""
    labels = [sample.label for sample in samples[0]]
    weights = loss.class_weights(leg, job.folder.classes, labels)
    transforms = job.transforms[leg.name]
    size, cover = tuple(job.model.input.shape[1:3]), _preprocessing(job.model).get("cover")
    plan = augment.for_training(transforms, size, cover)
    given = size if plan is None else plan.given(size, cover)
    mixes = plan is not None and plan.mixes
    share = job.team.number, job.team.workers
    if leg.cache and not mixes and (leg.views or plan is None):
        tensor = cutline.find(job.model)
        if tensor is not None:
            with (
                shown.bar(f"{leg.name}: features at {cutline.name(tensor)}") as progress,
                job.team.chief_first(),
            ):
                found = features.feed(
                    features.Source(job.model, tensor, transforms, job.seed),
                    leg,
                    *samples,
                    weights=weights,
                    seed=job.seed,
                    unreadable=unreadable,
                    progress=progress,
                    share=share,
                )
            if found is not None:
                shown.note(
                    f"phase {leg.name} reads stored features of {cutline.name(tensor)}, "
                    f"{'x'.join(map(str, tensor.shape[1:]))} a picture"
                )
                return found
            shown.note(f"phase {leg.name}: its features do not fit on the disk, pictures are read")
    return feed.pictures(
        job.model,
        leg,
        *samples,
        policy=plan,
        weights=weights,
        seed=job.seed,
        unreadable=unreadable,
        stored=_decoded(job, samples, given, unreadable, shown) if job.disk_cache else (None, None),
        # What is mixed comes from the whole batch, of which no replica sees more than its share.
        in_step=job.augment_on == "device" and not (mixes and job.team.replicas > 1),
        share=share,
    )


def _preprocessing(model: keras.Model) -> dict[str, Any]:
    return anatomy.of(model).preprocessing


def _decoded(
    job: Job,
    samples: tuple[Sequence[Sample], Sequence[Sample]],
    given: tuple[int, int],
    unreadable: tuple[data.Unreadable, data.Unreadable],
    shown: Screen,
) -> tuple[Shards | None, Shards | None]:
    """Training and validation pictures from the disk, each decoded once.

    Training pictures have the size `given`, which a policy may cut the model's out of.
    """
    sizes = given, tuple(job.model.input.shape[1:3])
    with shown.bar("decoding") as progress, job.team.chief_first():
        train, val = (
            decoded.keep(each, size, _preprocessing(job.model), bad, progress)
            for each, size, bad in zip(samples, sizes, unreadable, strict=True)
        )
    return train, val


class _Clock:
    """Counts the seconds of a phase and of the whole on from where earlier processes were."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._noted = time.perf_counter()

    def note(self, phase: str) -> None:
        """Add what has passed since the last note."""
        now = time.perf_counter()
        passed, self._noted = now - self._noted, now
        self._log.seconds[phase] = round(self._log.seconds.get(phase, 0.0) + passed, 3)
        self._log.earlier = round(self._log.earlier + passed, 3)


def _best(draft: Run, recipe: Recipe, number: int) -> Path:
    """Where the best weights of a phase are kept."""
    return draft.checkpoints / f"{number + 1}-{recipe.phases[number].name}.weights.h5"


def _save_best(model: keras.Model, path: Path) -> None:
    """Write a model's weights beside their place and rename them."""
    whole = anatomy.whole(model)
    # HDF5 cannot close a file whose disk is full: the process would die of it, some time later.
    needed = sum(each.value.dtype.size * math.prod(each.shape) for each in whole.variables)
    if shutil.disk_usage(path.parent).free < needed + ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    beside = path.with_name(f".{path.name}")
    try:
        whole.save_weights(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _plugin_callbacks(folder: Path) -> list[keras.callbacks.Callback]:
    given = registry.load().hooks.call("zoo_callbacks", run=folder)
    return [callback for _, callbacks in given for callback in callbacks]


def _headline(model: keras.Model, leg: Phase, groups: Sequence[str], team: Team) -> str:
    """Say what a phase trains, and how fast."""
    variables = anatomy.whole(model).trainable_variables
    numbers = sum(int(variable.shape.num_elements() or 0) for variable in variables)
    return (
        f"phase {leg.name}: {', '.join(groups)} ({len(variables)} variables, {numbers:,} numbers), "
        f"{leg.optimizer} at {leg.learning_rate:g}, batches of {leg.batch_size}"
        + (f", {leg.batch_size / team.replicas:g} a replica" if team.replicas > 1 else "")
    )
