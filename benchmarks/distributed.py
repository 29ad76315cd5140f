"""What a second worker gains: `zoo train` with one, with one that knows of workers, and with two.

Bound: two workers at least 1.7 times one that has a single core; one worker of the strategy at most
3 % slower than none. A run adds its rounds to those in `results/distributed.json`, so that each may
be short; with names of `MODELS` on the command line only those get one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

MAIN = "import sys; from zoo.cli.main import main; sys.exit(main(sys.argv[1:]))"
ROUNDS = int(os.environ.get("ZOO_BENCH_ROUNDS", "3"))
SIDE = int(os.environ.get("ZOO_BENCH_SIDE", "128"))
MODELS = {
    "resnet50-v1.5+linear, 64": ("resnet50-v1.5+linear", 64, 2),
    "resnet50-v1.5+linear, 128": ("resnet50-v1.5+linear", 128, 2),
    "inception-v1+linear, 64": ("inception-v1+linear", 64, 6),
}
"""Models, pictures of a batch, for which gradients are added up once, and batches of an epoch."""
FASTER, OVERHEAD = 1.7, 1.03

KINDS = {
    "one process, one core": [],
    "one worker, one core": ["--workers", "1"],
    "two workers, a core each": ["--workers", "2"],
}


def main() -> None:
    results = Path(__file__).parent / "results" / "distributed.json"
    rates = json.loads(results.read_text())["rates"] if results.exists() else {}
    for _ in range(ROUNDS):
        for name in sys.argv[1:] or MODELS:
            for kind, each in measured(*MODELS[name]).items():
                rates.setdefault(name, {}).setdefault(kind, []).append(each)
    rows, times = [], {}
    for name in (name for name in MODELS if name in rates):
        model, batch, _ = MODELS[name]
        middle = {kind: statistics.median(each) for kind, each in rates[name].items()}
        alone, first, second = middle.values()
        rows += [
            (model, str(batch), kind, f"{each:.2f}", f"{each / alone:.2f}")
            for kind, each in middle.items()
        ]
        times[name] = {"faster": second / alone, "overhead": alone / first}
    rounds = min(len(each) for kinds in rates.values() for each in kinds.values())
    note = (
        f"{SIDE}x{SIDE}, all layers trained with their statistics frozen, on the CPU: training "
        f"pictures by the seconds of the second epoch, 15 to 27 of them in one process, its "
        f"validation included, since the first compiles; medians of {rounds} rounds that take "
        f"turns. A batch is that of all workers together; after each they add up their gradients, "
        f"94 MB of ResNet-50 and 22 MB of Inception v1. The bounds are {FASTER} times for two "
        f"workers, and {OVERHEAD - 1:.0%} for what the strategy costs one."
    )
    record(
        "distributed", "Training with two workers",
        ("", "batch", "", "pictures/s", "times"), rows, note,
        rates=rates, times=times, bounds={"faster": FASTER, "overhead": OVERHEAD},
    )  # fmt: skip
    if any(f["faster"] < FASTER or f["overhead"] > OVERHEAD for f in times.values()):
        raise SystemExit(1)


def measured(model: str, batch: int, steps: int) -> dict[str, float]:
    """The rate of each kind, once."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pictures = root / "shapes"
        # Seven in ten of them are for training.
        count = -(-steps * batch * 10 // 7)
        subprocess.run(
            [sys.executable, "-c", MAIN, "data", "make", "shapes", str(pictures),
             "--count", str(count), "--size", str(SIDE)],
            check=True, capture_output=True,
        )  # fmt: skip
        recipe = root / "recipe.toml"
        recipe.write_text(
            '[[phases]]\nname = "all"\nbn = "frozen"\nepochs = 2\nlearning_rate = 1e-3\n'
            f'optimizer = "sgd"\nbatch_size = {batch}\n'
        )
        return {
            kind: rate(model, pictures, recipe, root / str(place), words)
            for place, (kind, words) in enumerate(KINDS.items())
        }


def rate(model: str, pictures: Path, recipe: Path, out: Path, words: list[str]) -> float:
    """Training pictures a second, over the epochs after the first."""
    cores = sorted(os.sched_getaffinity(0))[: 2 if "2" in words else 1]
    subprocess.run(
        [sys.executable, "-c", MAIN, "train", model, str(pictures), "--recipe", str(recipe),
         "--input-size", str(SIDE), "--out", str(out), *words],
        check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, cores),
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "ZOO_CACHE": str(out.parent / "cache")},
    )  # fmt: skip
    trained = json.loads((out / "run.json").read_text())["data"]["pictures"]["train"]
    rows = (out / "history.csv").read_text().splitlines()
    column = rows[0].split(",").index("seconds")
    return statistics.mean(trained / float(row.split(",")[column]) for row in rows[2:])


if __name__ == "__main__":
    main()
