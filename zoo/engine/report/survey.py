"""What a report says of the data: counts, sizes, files that are damaged or there twice, samples."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zoo import policy as policies
from zoo import recipe as recipes
from zoo import registry
from zoo.engine import folder, picture
from zoo.engine.report.pictures import Thumbnail, shrunk
from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.engine.folder import ImageFolder, Sample
    from zoo.engine.run import Run

MEASURED = 2000
"""Pictures whose size is looked up; evenly spaced where there are more."""

SAMPLES = 6
NAMED = 10
SPLITS = ("train", "val", "test")


def look(run: Run) -> dict[str, Any] | None:
    """Look through the data of a run.

    Args:
        run: The run.

    Returns:
        `splits` that there are, `rows` with the counts of each class, `sizes` in words,
        `damaged` reasons by file, `twice` groups of equal files with whether they lie in different
        splits, `before` and `after` the policy a few training pictures. None where the data are
        gone.
    """
    try:
        found = folder.read(run.data, seed=run.seed)
    except ZooError:
        return None
    counts = Counter((sample.label, sample.split) for sample in found.samples)
    splits = [name for name in SPLITS if found.counts.get(name)]
    before, after, policy = _samples(run, found)
    return {
        "splits": splits,
        "rows": [
            {"class": name, "counts": [counts[label, split] for split in splits]}
            for label, name in enumerate(found.classes)
        ],
        "sizes": _sizes(found.samples),
        "damaged": {**found.unreadable, **run.facts.get("unreadable", {})},
        "twice": twice(found.samples),
        "before": before,
        "after": after,
        "policy": policy,
    }


def twice(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Groups of files with the same bytes; those across splits, which flatter a score, first."""
    by_size: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_size[sample.size].append(sample)
    by_digest: dict[str, list[Sample]] = defaultdict(list)
    for alike in by_size.values():
        for sample in alike if len(alike) > 1 else ():
            by_digest[hashlib.sha256(sample.path.read_bytes()).hexdigest()].append(sample)
    groups = [
        {
            "files": [sample.id for sample in group],
            "leak": len({sample.split for sample in group}) > 1,
            "labels": len({sample.label for sample in group}),
        }
        for group in by_digest.values()
        if len(group) > 1
    ]
    return sorted(groups, key=lambda group: (not group["leak"], group["labels"] == 1))


def _sizes(samples: Sequence[Sample]) -> str:
    widths, heights = [], []
    for sample in samples[:: max(1, len(samples) // MEASURED)]:
        try:
            with Image.open(sample.path) as image:
                widths.append(image.width)
                heights.append(image.height)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
    if not widths:
        return ""
    if len(set(zip(widths, heights, strict=True))) == 1:
        return f"all {widths[0]}x{heights[0]} pixels"
    middle = f"{int(np.median(widths))}x{int(np.median(heights))}"
    return (
        f"{min(widths)} to {max(widths)} pixels wide, {min(heights)} to {max(heights)} high, "
        f"{middle} in the median"
    )


def _samples(run: Run, found: ImageFolder) -> tuple[list[Thumbnail], list[Thumbnail], str]:
    """A few training pictures as the model gets them, without and with the policy."""
    train = found.split("train")
    chosen = train[:: max(1, len(train) // SAMPLES)][:SAMPLES]
    way = run.preprocessing or picture.DESCRIPTION
    try:
        pixels = [picture.load(sample.path, run.input_size, way) for sample in chosen]
    except ZooError:
        return [], [], ""
    before = [shrunk(each) for each in pixels]
    policy = _policy(run)
    moves = policies.transforms(policy, registry.load()) if policy and pixels else []
    if not moves:
        return before, [], ""
    from zoo.engine import augment

    # By way of a batch, whose labels do not matter here: a policy may mix pictures.
    places, plan = np.arange(len(pixels)), augment.compile(moves)
    seen, _ = plan.batch(np.stack(pixels), places, run.seed, 0, places, classes=len(pixels))
    after = [shrunk(np.clip(np.round(each), 0, 255).astype(np.uint8)) for each in np.asarray(seen)]
    return before, after, policy


def _policy(run: Run) -> str:
    """The augmentation of the last phase that has one."""
    file = run.path / "recipe.toml"
    if not file.is_file():
        return ""
    try:
        used = [phase.policy for phase in recipes.load(file).phases if phase.policy]
    except ZooError:
        return ""
    return str(used[-1]) if used else ""
