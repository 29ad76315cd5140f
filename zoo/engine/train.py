"""The main job: a named model, a folder of pictures and a recipe become a run."""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import lock, registry, transform
from zoo import policy as policies
from zoo import recipe as recipes
from zoo.engine import (
    anatomy,
    artefact,
    augment,
    data,
    evaluate,
    machine,
    phase,
    report,
    run,
    runtime,
)
from zoo.engine.assemble import assemble
from zoo.engine.progress import Screen
from zoo.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from zoo.engine.run import Run
    from zoo.recipe import Recipe
    from zoo.registry import ResolvedModel
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
    dtype: str = "float32",
    seed: int = 0,
    device: str | None = None,
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
        dtype: `float32`, `mixed_bfloat16` or `mixed_float16`.
        seed: Decides initial weights, held-out pictures, order, dropout and augmentation.
        device: "cpu" or "gpu:N"; None for the first GPU where there is one.
        quiet: Show no progress on stderr.

    Returns:
        The finished run: model, history, figures on the test pictures, report and card.

    Raises:
        ZooError: The kind tells what cannot be used: name, recipe, pictures, folder or device.
        Failure: The training diverged.
    """
    started = time.perf_counter()
    shown = Screen(quiet)
    parts = registry.load()
    resolved = parts.resolve(parts.parse(spec) if isinstance(spec, str) else spec)
    chosen = recipe if isinstance(recipe, recipes.Recipe) else recipes.load(recipe)
    chosen = recipes.override(chosen, policy=policy, epochs=epochs, batch_size=batch_size)
    transforms = {leg.name: policies.transforms(leg.policy, parts) for leg in chosen.phases}
    out = run.check(out)
    folder = pictures if isinstance(pictures, data.ImageFolder) else data.read(pictures, seed=seed)
    if lacking := {"train", "val"} - set(folder.counts):
        raise DataError(
            f"{folder.root} has no pictures to "
            + ("train on" if "train" in lacking else "validate with"),
            hint="give at least two pictures of each class, or a train/ and a val/ folder",
        )
    place = runtime.start(device)
    runtime.seed(seed)
    model = assemble(
        resolved, classes=folder.classes, input_size=input_size, dtype=dtype, seed=seed
    )
    for leg in chosen.phases:
        phase.free(model, leg)  # A recipe that does not fit is refused before anything is written.

    _tell(shown, resolved, chosen, folder, model, place)
    facts = {
        **_identity(model, resolved, dtype, place),
        "recipe": chosen.name,
        "policy": _policies(chosen),
        "transforms": {name: transform.document(each) for name, each in transforms.items()},
        "seed": seed,
        "data": {
            "root": str(folder.root.absolute()),
            "digest": folder.digest,
            "pictures": folder.counts,
            "notes": list(folder.notes),
        },
    }
    with run.create(out, facts) as draft:
        draft.write("recipe.toml", recipes.to_toml(chosen))
        draft.write(lock.NAME, lock.of(parts).toml())
        seconds, undecoded = _train_phases(model, chosen, transforms, folder, seed, draft, shown)
        unreadable = {**folder.unreadable, **undecoded}
        for id, reason in unreadable.items():
            shown.note(f"left out: {id}: {reason}")
        _release(model)
        artefact.save(model, draft.model)

        begun = time.perf_counter()
        split = "test" if folder.split("test") else "val"
        metrics = evaluate.evaluate(
            model, folder, split=split, batch_size=chosen.phases[-1].batch_size
        )
        draft.write("metrics.json", metrics)
        timings = {
            "phases": seconds,
            "evaluate": _since(begun),
            "total": _since(started),
        }
        draft = draft.update(timings=timings, unreadable=unreadable)
        report.write(draft)
    return run.open(out)


def _train_phases(
    model: keras.Model,
    chosen: Recipe,
    transforms: dict[str, list[transform.Transform]],
    folder: data.ImageFolder,
    seed: int,
    draft: Run,
    shown: Screen,
) -> tuple[dict[str, float], dict[str, str]]:
    """Go through the recipe; give the seconds of each phase, and the pictures not decoded."""
    train, val = folder.split("train"), folder.split("val")
    seconds: dict[str, float] = {}
    taken = 0
    with data.tolerate(train) as bad, data.tolerate(val) as bad_val:
        for number, leg in enumerate(chosen.phases, 1):
            begun = time.perf_counter()
            shown.line(_headline(model, leg, phase.free(model, leg)))
            with shown.phase(leg, len(train), taken) as progress:
                taken += phase.fit(
                    model,
                    leg,
                    train,
                    val,
                    policy=_compiled(transforms[leg.name]),
                    seed=seed,
                    first_epoch=taken,
                    checkpoint=draft.checkpoints / f"{number}-{leg.name}.weights.h5",
                    history=draft.path / "history.csv",
                    callbacks=[*_plugin_callbacks(draft.path), progress],
                    unreadable=(bad, bad_val),
                )
            seconds[leg.name] = _since(begun)
    return seconds, {**bad.reasons, **bad_val.reasons}


def _since(moment: float) -> float:
    """Seconds since a moment, to the millisecond."""
    return round(time.perf_counter() - moment, 3)


def _compiled(transforms: Sequence[transform.Transform]) -> data.Augment | None:
    return augment.compile(transforms).apply if transforms else None


def _policies(chosen: Recipe) -> str | None:
    """Name the augmentation, by phase where the phases differ."""
    used = {leg.name: leg.policy for leg in chosen.phases}
    if len(set(used.values())) == 1:
        return next(iter(used.values()))
    return ", ".join(f"{name}: {policy or 'none'}" for name, policy in used.items())


def _plugin_callbacks(folder: Path) -> list[keras.callbacks.Callback]:
    given = registry.load().hooks.call("zoo_callbacks", run=folder)
    return [callback for _, callbacks in given for callback in callbacks]


def _release(model: keras.Model) -> None:
    """Leave no trace of the phases' flags: what may train next is the next recipe's affair."""
    for layer in model.layers:
        layer.trainable = True


def _identity(
    model: keras.Model, resolved: ResolvedModel, dtype: str, place: str
) -> dict[str, Any]:
    """Say what was trained and with what, for run.json."""
    known = anatomy.of(model)
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "spec": str(resolved.spec),
        "resolved": known.resolved,
        "load_report": known.load_report,
        "classes": list(known.classes),
        "input_size": list(known.input_size),
        "preprocessing": {**known.preprocessing, "size": list(known.input_size)},
        "normalization": known.normalization,
        "parameters": model.count_params(),
        "dtype": dtype,
        "device": place,
        "versions": {"python": platform.python_version(), **machine.versions()},
    }


def _tell(
    shown: Screen,
    resolved: ResolvedModel,
    chosen: Recipe,
    folder: data.ImageFolder,
    model: keras.Model,
    place: str,
) -> None:
    """Say what is about to happen, and what was decided without being asked for."""
    counts = ", ".join(f"{count:,} {name}" for name, count in folder.counts.items())
    shown.line(f"{resolved.spec} on {folder.root}: {len(folder.classes)} classes, {counts}")
    shown.line(f"recipe {chosen.name}, {model.count_params():,} parameters, on {place}")
    for note in (*folder.notes, *getattr(model, "zoo_notes", ())):
        shown.note(note)
    learns = any(leg.train == "all" and leg.bn == "train" for leg in chosen.phases)
    if resolved.backbone.weights is None and not learns:
        shown.note(
            f"the backbone has random weights and the recipe {chosen.name} holds most of it; "
            "--recipe scratch trains all of it"
        )


def _headline(model: keras.Model, leg: recipes.Phase, groups: Sequence[str]) -> str:
    """Say what a phase trains, and how fast."""
    variables = anatomy.whole(model).trainable_variables
    numbers = sum(int(variable.shape.num_elements() or 0) for variable in variables)
    return (
        f"phase {leg.name}: {', '.join(groups)} ({len(variables)} variables, {numbers:,} numbers), "
        f"{leg.optimizer} at {leg.learning_rate:g}, batches of {leg.batch_size}"
    )
