"""The main job: a named model, a folder of pictures and a recipe become a run."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo import lock, registry
from zoo import recipe as recipes
from zoo.engine import anatomy, artefact, checkpoint, evaluate, phase, phases, report, run
from zoo.engine.job import facts, prepare, tell
from zoo.engine.progress import Screen
from zoo.engine.strategy import cluster as clusters
from zoo.engine.weights import local
from zoo.errors import RunError, WorkerLost

if TYPE_CHECKING:
    import keras

    from zoo.engine import data
    from zoo.engine.job import Job
    from zoo.engine.run import Run
    from zoo.engine.strategy.cluster import Strategy
    from zoo.recipe import Recipe
    from zoo.spec import ModelSpec


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
    strategy: Strategy = "one",
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
        strategy: "mirrored" for a replica on each GPU of this machine, "multi-worker" for one in
            each process that TF_CONFIG or SLURM's variables name, all of which make this call. The
            result is that of "one" but for rounding and dropout.
        quiet: Show no progress on stderr.

    Returns:
        The finished run: model, history, figures on the test pictures, report and card. The
        first worker alone writes it.

    Raises:
        ZooError: The kind tells what cannot be used: name, recipe, pictures, folder or device.
        Failure: The training diverged, or broke its contract of what may change.
        WorkerLost: Another worker went away.
    """
    cluster = clusters.find(strategy, device, fit_memory)
    chief = cluster is None or cluster.chief
    shown = Screen(quiet or not chief)
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
    out = run.check(out) if chief else Path(out)
    job = prepare(
        resolved, chosen, pictures, shown,
        input_size=input_size, crop_from=crop_from, seed=seed, device=device, strategy=strategy,
        cluster=cluster, disk_cache=disk_cache, augment_on=augment_on,
    )  # fmt: skip
    tell(shown, job)
    known = facts(job)
    texts = {"recipe.toml": recipes.to_toml(chosen), lock.NAME: lock.of(parts).toml()}
    own = run.create(out, known, texts) if chief else run.aside(known)
    with job.team.together(), own as draft:
        _carry_out(job, draft, shown, fit_memory)
    _leave(job)
    return _finished(out) if chief else run.Run(out, known)


def resume(
    out: str | Path,
    *,
    device: str | None = None,
    fit_memory: bool = False,
    disk_cache: bool = False,
    strategy: Strategy = "one",
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
        strategy: As for `train`; it may be another than the one that the run began with.
        quiet: Show no progress on stderr.

    Returns:
        The finished run.

    Raises:
        RunError: If there is nothing to go on with, or its pictures or model are others now.
        ZooError: As `train`.
    """
    cluster = clusters.find(strategy, device, fit_memory)
    chief = cluster is None or cluster.chief
    shown = Screen(quiet or not chief)
    draft = run.unfinished(out)
    known = draft.facts
    parts = registry.load()
    resolved = local.again(parts.resolve(parts.parse(draft.spec)), known["resolved"])
    chosen = recipes.load(draft.path / "recipe.toml")
    job = prepare(
        resolved, chosen, draft.data, shown,
        input_size=draft.input_size, crop_from=draft.preprocessing.get("cover"), seed=draft.seed,
        device=device, strategy=strategy, cluster=cluster, disk_cache=disk_cache,
        augment_on=known.get("augment_on"), point=draft.checkpoints / checkpoint.NAME,
    )  # fmt: skip
    if job.folder.classes != draft.classes or job.folder.digest != known["data"]["digest"]:
        what = "classes" if job.folder.classes != draft.classes else "pictures"
        raise RunError(
            f"{draft.data} holds other {what} than when {draft.name} began",
            hint="put them back, or train anew",
        )
    tell(shown, job)
    own = run.reopened(draft) if chief else run.aside(known, draft.checkpoints)
    with job.team.together(), own as going:
        _carry_out(job, going, shown, fit_memory)
    _leave(job)
    whole = draft.path.with_name(draft.name)
    return _finished(whole) if chief else run.Run(whole, known)


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
        if not job.team.chief:
            return
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


def _leave(job: Job) -> None:
    """End no worker before the run bears its name; the chief, then, needs no other any more."""
    with suppress(WorkerLost) if job.team.chief else nullcontext(), job.team.together():
        job.team.tell("done")


def _finished(out: Path) -> Run:
    """Open a run that has just got its name, and drop what only an unfinished one needs."""
    finished = run.open(out)
    (finished.checkpoints / checkpoint.NAME).unlink(missing_ok=True)
    return finished


def _since(moment: float) -> float:
    """Seconds since a moment, to the millisecond."""
    return round(time.perf_counter() - moment, 3)


def _release(model: keras.Model) -> None:
    """Leave no trace of the phases' flags: what may train next is the next recipe's affair."""
    for layer in model.layers:
        layer.trainable = True
