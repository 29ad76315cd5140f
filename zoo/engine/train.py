"""The main job: a named model, a folder of pictures and a recipe become a run."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo import lock, registry, transform
from zoo import policy as policies
from zoo import recipe as recipes
from zoo.engine import (
    anatomy,
    artefact,
    augment,
    checkpoint,
    data,
    evaluate,
    freeze,
    loss,
    machine,
    optimizer,
    phase,
    phases,
    report,
    run,
    runtime,
)
from zoo.engine.assemble import assemble
from zoo.engine.progress import Screen
from zoo.engine.weights import local
from zoo.errors import DataError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras

    from zoo.engine.run import Run
    from zoo.recipe import Recipe
    from zoo.registry import ResolvedModel
    from zoo.spec import ModelSpec


@dataclass(frozen=True)
class Job:
    """All that a training needs to know before it writes anything.

    Args:
        resolved: The model's name with every option.
        recipe: How to train.
        transforms: The augmentation of each phase, by its name.
        folder: The pictures.
        input_size: As asked for.
        crop_from: As asked for.
        seed: Of all chance.
        place: The device, to be shown.
        disk_cache: Whether decoded pictures that do not fit into memory are kept on disk.
        augment_on: "cpu" for ahead of the step, "device" for within it.
        model: The model before the first phase.
    """

    resolved: ResolvedModel
    recipe: Recipe
    transforms: Mapping[str, list[transform.Transform]]
    folder: data.ImageFolder
    input_size: int | tuple[int, int] | None
    crop_from: int | tuple[int, int] | None
    seed: int
    place: str
    disk_cache: bool
    augment_on: str
    model: keras.Model

    def halved(self) -> Job:
        """The same with every batch in twice as many parts, and the model as it began."""
        legs = [
            leg.model_copy(update={"accumulate": min(2 * leg.accumulate, leg.batch_size)})
            for leg in self.recipe.phases
        ]
        recipe = self.recipe.model_copy(update={"phases": tuple(legs)})
        return replace(self, recipe=recipe, model=_assembled(self))


def train(
    spec: str | ModelSpec,
    pictures: str | Path | data.ImageFolder,
    *,
    out: str | Path,
    recipe: str | Path | Recipe = "finetune",
    policy: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    input_size: int | tuple[int, int] | None = None,
    crop_from: int | tuple[int, int] | None = None,
    dtype: str | None = None,
    seed: int = 0,
    device: str | None = None,
    fit_memory: bool = False,
    disk_cache: bool = False,
    augment_on: Literal["cpu", "device"] | None = None,
    weights: str | Path | None = None,
    weights_format: str | None = None,
    weights_normalization: str | None = None,
    quiet: bool = False,
) -> Run:
    """Train a model on labelled pictures.

        run = zoo.train("vgg16@imagenet+dense:pool=avg", "flowers/", out="runs/flowers")
        run.metrics["accuracy"]

    The same call on the same pictures gives the same weights on a CPU.

    Args:
        spec: The model's name.
        pictures: A folder per class, optionally under train/, val/ and test/, or what `data.read`
            made of one.
        out: Folder of the run; must not exist.
        recipe: Name or file of a recipe, or a recipe.
        policy: Augmentation of the training pictures in every phase; None leaves it to the recipe.
        epochs: Epochs of every phase at most; None leaves it to the recipe.
        batch_size: Pictures per step in every phase; None leaves it to the recipe.
        input_size: Height and width in pixels, one number for both, or None for the backbone's
            own size.
        crop_from: Height and width that pictures are brought to before the model's input is cut
            out of their centre, or by a policy that crops out of any part of them; None for what
            the weights were measured with.
        dtype: `float32`, `mixed_bfloat16` or `mixed_float16`; None leaves it to the recipe.
        seed: Decides initial weights, held-out pictures, order, dropout and augmentation.
        device: "cpu" or "gpu:N"; None for the first GPU where there is one.
        fit_memory: Where the device's memory does not suffice, go on with each batch in twice as
            many parts, until it does.
        disk_cache: Keep decoded pictures on disk, for this and later trainings, where they do not
            fit into memory; `zoo features` lists and deletes them.
        augment_on: Where the policy changes pictures: "cpu" for ahead of the training step,
            "device" for within it; None for the device if it is a GPU. What is drawn is the same.
        weights: A file of pretrained weights in place of the tag's; this and what is said of it
            as for `zoo.build`.
        weights_format: Who wrote it.
        weights_normalization: What pixels it expects.
        quiet: Show no progress on stderr.

    Returns:
        The finished run: model, history, figures on the test pictures, report and card.

    Raises:
        ZooError: The kind tells what cannot be used: name, recipe, pictures, folder or device.
        Failure: The training diverged, or broke its contract of what may change.
    """
    shown = Screen(quiet)
    parts = registry.load()
    resolved = parts.resolve(parts.parse(spec) if isinstance(spec, str) else spec)
    resolved = local.use(resolved, weights, weights_format, weights_normalization)
    chosen = recipe if isinstance(recipe, recipes.Recipe) else recipes.load(recipe, parts.recipes())
    chosen = recipes.override(
        chosen,
        [f"dtype={dtype}"] if dtype else [],
        policy=policy,
        epochs=epochs,
        batch_size=batch_size,
    )
    out = run.check(out)
    job = _prepare(
        resolved, chosen, pictures, input_size, crop_from, seed, device, disk_cache, augment_on
    )
    _tell(shown, job)
    texts = {"recipe.toml": recipes.to_toml(chosen), lock.NAME: lock.of(parts).toml()}
    with run.create(out, _facts(job), texts) as draft:
        _carry_out(job, draft, shown, fit_memory)
    return _finished(out)


def resume(
    out: str | Path,
    *,
    device: str | None = None,
    fit_memory: bool = False,
    disk_cache: bool = False,
    quiet: bool = False,
) -> Run:
    """Go on with a training that did not finish, to the result that it would have had.

        run = zoo.resume("runs/flowers")

    What was trained after the last checkpoint is trained again. On a CPU the result is the same
    to the bit: weights, rates, early stopping, the best epoch and the rows of history.csv.

    Args:
        out: The folder that the run was to have.
        device: "cpu" or "gpu:N"; None for the first GPU where there is one.
        fit_memory: As for `train`.
        disk_cache: As for `train`.
        quiet: Show no progress on stderr.

    Returns:
        The finished run.

    Raises:
        RunError: If there is nothing to go on with, or its pictures or model are others now.
        ZooError: As `train`.
    """
    shown = Screen(quiet)
    draft = run.unfinished(out)
    facts = draft.facts
    parts = registry.load()
    resolved = local.again(parts.resolve(parts.parse(draft.spec)), facts["resolved"])
    chosen = recipes.load(draft.path / "recipe.toml")
    job = _prepare(
        resolved, chosen, draft.data, draft.input_size, draft.preprocessing.get("cover"),
        draft.seed, device, disk_cache, facts.get("augment_on"),
    )  # fmt: skip
    if job.folder.classes != draft.classes or job.folder.digest != facts["data"]["digest"]:
        what = "classes" if job.folder.classes != draft.classes else "pictures"
        raise RunError(
            f"{draft.data} holds other {what} than when {draft.name} began",
            hint="put them back, or train anew",
        )
    _tell(shown, job)
    with run.reopened(draft):
        _carry_out(job, draft, shown, fit_memory)
    return _finished(draft.path.with_name(draft.name))


def _prepare(
    resolved: ResolvedModel,
    chosen: Recipe,
    pictures: str | Path | data.ImageFolder,
    input_size: int | tuple[int, int] | None,
    crop_from: int | tuple[int, int] | None,
    seed: int,
    device: str | None,
    disk_cache: bool,
    augment_on: str | None,
) -> Job:
    """Check all that can be wrong, and build the model."""
    parts = registry.load()
    transforms = {leg.name: policies.transforms(leg.policy, parts) for leg in chosen.phases}
    folder = pictures if isinstance(pictures, data.ImageFolder) else data.read(pictures, seed=seed)
    if lacking := {"train", "val"} - set(folder.counts):
        raise DataError(
            f"{folder.root} has no pictures to "
            + ("train on" if "train" in lacking else "validate with"),
            hint="give at least two pictures of each class, or a train/ and a val/ folder",
        )
    labels = [sample.label for sample in folder.split("train")]
    for leg in chosen.phases:
        loss.class_weights(leg, folder.classes, labels)
    place = runtime.start(device)
    runtime.seed(seed)
    job = Job(
        resolved, chosen, transforms, folder, input_size, crop_from, seed, place, disk_cache,
        augment_on or ("device" if runtime.accelerated() else "cpu"), None,  # type: ignore[arg-type]
    )  # fmt: skip
    model = _assembled(job)
    for leg in chosen.phases:
        optimizer.check(leg)
        freeze.free(model, leg)  # A recipe that does not fit is refused before anything is written.
        freeze.factors(model, leg)
        augment.for_training(  # And so is a policy.
            transforms[leg.name],
            tuple(model.input.shape[1:3]),
            anatomy.of(model).preprocessing.get("cover"),
        )
    return replace(job, model=model)


def _assembled(job: Job) -> keras.Model:
    return assemble(
        job.resolved,
        classes=job.folder.classes,
        input_size=job.input_size,
        crop_from=job.crop_from,
        dtype=job.recipe.dtype,
        seed=job.seed,
    )


def _carry_out(job: Job, draft: Run, shown: Screen, fit_memory: bool) -> None:
    """Train, from wherever the run stands, and write all that it ends in."""
    try:
        while True:
            try:
                model, log = phases.train(job, draft, shown)
                break
            except phase.OutOfMemory as error:
                again = job.halved()
                if not fit_memory or again.recipe == job.recipe:
                    raise
                shown.note(f"{error.message}; going on with each batch in twice as many parts")
                job = again
                draft.write("recipe.toml", recipes.to_toml(job.recipe))
        unreadable = {**job.folder.unreadable, **log.unreadable}
        for id, reason in unreadable.items():
            shown.note(f"left out: {id}: {reason}")
        _release(model)
        artefact.save(model, draft.model)

        begun = time.perf_counter()
        split = "test" if job.folder.split("test") else "val"
        metrics = evaluate.evaluate(
            model,
            job.folder,
            split=split,
            batch_size=job.recipe.phases[-1].batch_size,
            predictions=draft.path / evaluate.PREDICTIONS,
        )
        draft.write("metrics.json", metrics)
        timings = {
            "phases": log.seconds,
            "evaluate": _since(begun),
            "total": round(_since(begun) + log.earlier, 3),
        }
        operated = {"surgery": log.surgery, "resolved": anatomy.of(model).resolved}
        finished = draft.update(
            timings=timings,
            unreadable=unreadable,
            contracts=log.contracts,
            parameters=model.count_params(),
            **(operated if log.surgery else {}),
        )
        report.write(finished, model)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise RunError(
            f"{draft.path} cannot be written ({error.strerror or error}{where})",
            hint="make room; zoo train --resume goes on from the last checkpoint",
        ) from error


def _finished(out: Path) -> Run:
    """Open a run that has just got its name, and drop what only an unfinished one needs."""
    finished = run.open(out)
    (finished.checkpoints / checkpoint.NAME).unlink(missing_ok=True)
    return finished


def _since(moment: float) -> float:
    """Seconds since a moment, to the millisecond."""
    return round(time.perf_counter() - moment, 3)


def _policies(chosen: Recipe) -> str | None:
    """Name the augmentation, by phase where the phases differ."""
    used = {leg.name: leg.policy for leg in chosen.phases}
    if len(set(used.values())) == 1:
        return next(iter(used.values()))
    return ", ".join(f"{name}: {policy or 'none'}" for name, policy in used.items())


def _release(model: keras.Model) -> None:
    """Leave no trace of the phases' flags: what may train next is the next recipe's affair."""
    for layer in model.layers:
        layer.trainable = True


def _facts(job: Job) -> dict[str, Any]:
    """Say what is trained and with what, for run.json."""
    known = anatomy.of(job.model)
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "spec": str(job.resolved.spec),
        "resolved": known.resolved,
        "load_report": known.load_report,
        "classes": list(known.classes),
        "input_size": list(known.input_size),
        "preprocessing": {**known.preprocessing, "size": list(known.input_size)},
        "normalization": known.normalization,
        "parameters": job.model.count_params(),
        "dtype": job.recipe.dtype,
        "device": job.place,
        "versions": {"python": platform.python_version(), **machine.versions()},
        "recipe": job.recipe.name,
        "policy": _policies(job.recipe),
        "augment_on": job.augment_on,
        "transforms": {name: transform.stored(each) for name, each in job.transforms.items()},
        "seed": job.seed,
        "data": {
            "root": str(job.folder.root.absolute()),
            "digest": job.folder.digest,
            "pictures": job.folder.counts,
            "notes": list(job.folder.notes),
        },
    }


def _tell(shown: Screen, job: Job) -> None:
    """Say what is about to happen, and what was decided without being asked for."""
    folder, model = job.folder, job.model
    counts = ", ".join(f"{count:,} {name}" for name, count in folder.counts.items())
    shown.line(f"{job.resolved.spec} on {folder.root}: {len(folder.classes)} classes, {counts}")
    shown.line(f"recipe {job.recipe.name}, {model.count_params():,} parameters, on {job.place}")
    for note in (*folder.notes, *getattr(model, "zoo_notes", ())):
        shown.note(note)
    learns = any(leg.train == "all" and leg.bn == "train" for leg in job.recipe.phases)
    if job.resolved.backbone.weights is None and not learns:
        shown.note(
            f"the backbone has random weights and the recipe {job.recipe.name} holds some of it; "
            "--recipe scratch trains all of it"
        )
