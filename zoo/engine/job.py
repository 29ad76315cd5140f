"""A training before it begins: what is trained on what and how, checked, with the model built."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import policy as policies
from zoo import recipe as recipes
from zoo import registry, transform
from zoo.engine import anatomy, augment, data, freeze, loss, machine, optimizer, runtime
from zoo.engine.assemble import assemble
from zoo.engine.strategy import rendezvous
from zoo.engine.strategy import team as teams
from zoo.engine.strategy.step import check_batches
from zoo.errors import ClusterError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras

    from zoo.engine.progress import Screen
    from zoo.engine.strategy.cluster import Cluster
    from zoo.engine.strategy.team import Team
    from zoo.recipe import Recipe
    from zoo.registry import ResolvedModel


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
        team: Those who train it together.
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
    team: Team
    model: keras.Model

    def halved(self) -> Job:
        """The same with every batch in twice as many parts, and the model as it began."""
        legs = [
            leg.model_copy(update={"accumulate": min(2 * leg.accumulate, leg.batch_size)})
            for leg in self.recipe.phases
        ]
        recipe = self.recipe.model_copy(update={"phases": tuple(legs)})
        return replace(self, recipe=recipe, model=_assembled(self))


def prepare(
    resolved: ResolvedModel,
    chosen: Recipe,
    pictures: str | Path | data.ImageFolder,
    shown: Screen,
    *,
    input_size: int | tuple[int, int] | None,
    crop_from: int | tuple[int, int] | None,
    seed: int,
    device: str | None,
    strategy: str,
    cluster: Cluster | None,
    disk_cache: bool,
    augment_on: str | None,
    point: Path | None = None,
) -> Job:
    """Check all that can be wrong, find the other workers, and build the model.

    Args:
        resolved: The model's name.
        chosen: How to train.
        pictures: As for `train`, as is what follows.
        shown: Where it is told that others are waited for.
        input_size: Height and width.
        crop_from: Height and width.
        seed: Of all chance.
        device: Where to calculate.
        strategy: Who calculates.
        cluster: The workers, where there are several.
        disk_cache: Whether decoded pictures are kept.
        augment_on: Where policies are applied.
        point: The file that a training goes on from.
    """
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
    if cluster is not None:
        teams.check_first()
        weights = resolved.backbone.weights
        expected = (weights.sha256, weights.normalization) if weights else None
        given = [str(resolved.spec), expected, input_size, crop_from, seed, augment_on]
        card = _card(given, disk_cache, chosen, folder, point)
        rendezvous.meet(cluster, card, tell=shown.note)
    team, place = teams.form(strategy, cluster, device)
    runtime.seed(seed)
    job = Job(
        resolved, chosen, transforms, folder, input_size, crop_from, seed, place, disk_cache,
        augment_on or ("device" if runtime.accelerated() else "cpu"), team,
        None,  # type: ignore[arg-type]
    )  # fmt: skip
    model = _assembled(job)
    for leg in chosen.phases:
        if team.replicas > leg.batch_size:
            raise ClusterError(
                f"phase {leg.name} has batches of {leg.batch_size} for {team.replicas} replicas",
                hint="each takes one picture at least: fewer replicas, or a larger --batch-size",
            )
        optimizer.check(leg)
        freeze.free(model, leg)  # A recipe that does not fit is refused before anything is written.
        freeze.factors(model, leg)
        check_batches(model, leg, len(folder.split("train")), team)
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


def _card(
    given: list[Any],
    disk_cache: bool,
    chosen: Recipe,
    folder: data.ImageFolder,
    point: Path | None,
) -> dict[str, str]:
    """What all workers of a training must have alike, by its name."""

    def digest(text: str | bytes) -> str:
        content = text if isinstance(text, bytes) else text.encode()
        return hashlib.sha256(content).hexdigest()[:12]

    versions = machine.versions()
    return {
        **{
            f"version of {name}": versions.get(name, "none")
            for name in ("keras-zoo", "keras", "tensorflow")
        },
        "model, size or seed": digest(repr(given)),
        "--disk-cache": "on" if disk_cache else "off",
        "recipe": digest(recipes.to_toml(chosen)),
        "set of pictures": digest(folder.digest),
        "checkpoint": digest(point.read_bytes()) if point and point.exists() else "none",
    }


def _policies(chosen: Recipe) -> str | None:
    """Name the augmentation, by phase where the phases differ."""
    used = {leg.name: leg.policy for leg in chosen.phases}
    if len(set(used.values())) == 1:
        return next(iter(used.values()))
    return ", ".join(f"{name}: {policy or 'none'}" for name, policy in used.items())


def facts(job: Job) -> dict[str, Any]:
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
        **({"replicas": job.team.replicas} if job.team.strategy else {}),
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


def tell(shown: Screen, job: Job) -> None:
    """Say what is about to happen, and what was decided without being asked for."""
    folder, model = job.folder, job.model
    counts = ", ".join(f"{count:,} {name}" for name, count in folder.counts.items())
    shown.line(f"{job.resolved.spec} on {folder.root}: {len(folder.classes)} classes, {counts}")
    shown.line(f"recipe {job.recipe.name}, {model.count_params():,} parameters, on {job.place}")
    if job.team.replicas > 1:
        shown.line(
            f"{job.team.replicas} replicas, each of which takes its share of every batch; batch "
            "sizes and learning rates are those of all together"
        )
    elif job.team.strategy is not None:
        shown.note("there is one replica: it does what the strategy one does")
    for note in (*folder.notes, *getattr(model, "zoo_notes", ())):
        shown.note(note)
    learns = any(leg.train == "all" and leg.bn == "train" for leg in job.recipe.phases)
    if job.resolved.backbone.weights is None and not learns:
        shown.note(
            f"the backbone has random weights and the recipe {job.recipe.name} holds some of it; "
            "--recipe scratch trains all of it"
        )
