"""How well, and how soon, the recipe `finetune` learns from weights of a megabyte.

Bounds: 99 % of the test digits within two minutes of training; 98 % of the drawn shapes.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import record

from zoo.engine import load, runtime

SPEC = "small-cnn@shapes+linear"
SEEDS = (0, 1, 2)
SHAPES = 6000
SIZES = {"digits": 32, "shapes": 64}
BOUNDS = {"digits": 0.99, "shapes": 0.98}
SECONDS = 120


def main() -> None:
    runtime.start("cpu")
    watch = load.Watch()
    from zoo.engine import generate

    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        generate.digits(root / "digits")
        generate.shapes(root / "shapes", count=SHAPES, size=64, seed=1)
        # The shapes take the longest, and other draws of the same pictures tell little more.
        for what, seeds in (("digits", SEEDS), ("shapes", SEEDS[:1])):
            found[what] = [trained(root, what, seed) for seed in seeds]
    rows = []
    for what, trainings in found.items():
        accuracy = statistics.median(each["accuracy"] for each in trainings)
        seconds = max(each["seconds"] for each in trainings)
        spread = ", ".join(f"{each['accuracy']:.2%}" for each in trainings)
        rows.append((what, f"{accuracy:.2%}", f"{BOUNDS[what]:.0%}", spread, f"{seconds:.0f} s"))
    digits, shapes = (found[what][0]["pictures"] for what in BOUNDS)
    note = (
        f"{SPEC} with the recipe finetune as it is, seeds {', '.join(map(str, SEEDS))}, of shapes "
        f"{SEEDS[0]}. Accuracy on test pictures that no training saw: {digits} digits of 32x32, "
        f"{shapes} shapes of 64x64 out of {SHAPES:,}, drawn by another seed than those that the "
        f"weights come from. Training is the time of both phases, the longest of the seeds; the "
        f"bound for digits is {SECONDS} s. Other processes took {watch.foreign() or 0:.0%} of the "
        "machine."
    )
    header = ("pictures", "median accuracy", "bound", "accuracies", "training")
    record("finetune", "The default recipe", header, rows, note, trainings=found, bounds=BOUNDS)
    missed = any(
        statistics.median(each["accuracy"] for each in found[what]) < bound
        for what, bound in BOUNDS.items()
    )
    if missed or max(each["seconds"] for each in found["digits"]) > SECONDS:
        raise SystemExit(1)


def trained(root: Path, what: str, seed: int) -> dict[str, Any]:
    """Accuracy on the test pictures, and seconds of the phases."""
    import zoo

    out = root / f"{what}-{seed}"
    run = zoo.train(
        SPEC, root / what, out=out, recipe="finetune", input_size=SIZES[what], seed=seed, quiet=True
    )
    told = {
        "accuracy": run.metrics["accuracy"],
        "pictures": run.metrics["pictures"],
        "seconds": sum(run.facts["timings"]["phases"].values()),
    }
    print(what, seed, told, file=sys.stderr)
    return told


if __name__ == "__main__":
    main()
