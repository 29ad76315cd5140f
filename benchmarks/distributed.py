"""What a second worker gains: `zoo train` with one, with one that knows of workers, and with two.

Bound: two workers at least 1.7 times one that has a single core; one worker of the strategy at most
3 % slower than none.
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
PICTURES = 200
EPOCHS = 2
MODEL, SIDE, BATCH = "resnet50-v1.5+linear", int(os.environ.get("ZOO_BENCH_SIDE", "128")), 64
FASTER, OVERHEAD = 1.7, 1.03

KINDS = {
    "one process, one core": [],
    "one worker, one core": ["--workers", "1"],
    "two workers, a core each": ["--workers", "2"],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pictures = root / "shapes"
        subprocess.run(
            [sys.executable, "-c", MAIN, "data", "make", "shapes", str(pictures),
             "--count", str(PICTURES), "--size", str(SIDE)],
            check=True, capture_output=True,
        )  # fmt: skip
        recipe = root / "recipe.toml"
        recipe.write_text(
            f'[[phases]]\nname = "all"\nbn = "frozen"\nepochs = {EPOCHS}\nlearning_rate = 1e-3\n'
            f'optimizer = "sgd"\nbatch_size = {BATCH}\n'
        )
        rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for number in range(ROUNDS):
            for place, (kind, words) in enumerate(KINDS.items()):
                rates[kind].append(rate(pictures, recipe, root / f"{number}-{place}", words))
    middle = {kind: statistics.median(each) for kind, each in rates.items()}
    alone, first, second = middle.values()
    rows = [(kind, f"{each:.2f}", f"{each / alone:.2f}") for kind, each in middle.items()]
    note = (
        f"{MODEL} at {SIDE}x{SIDE}, all of it trained with its statistics frozen, batches of "
        f"{BATCH} in all, on the CPU: training pictures by the seconds of the second epoch, its "
        f"validation included, since the first compiles; medians of {ROUNDS} rounds that take "
        f"turns. The bounds are {FASTER} times for two workers, and {OVERHEAD - 1:.0%} for what "
        f"the strategy costs one."
    )
    record(
        "distributed", "Training with two workers", ("", "pictures/s", "times"), rows, note,
        rates=rates, faster=second / alone, overhead=alone / first,
        bounds={"faster": FASTER, "overhead": OVERHEAD},
    )  # fmt: skip
    if second / alone < FASTER or alone / first > OVERHEAD:
        raise SystemExit(1)


def rate(pictures: Path, recipe: Path, out: Path, words: list[str]) -> float:
    """Training pictures a second, over the epochs after the first."""
    cores = sorted(os.sched_getaffinity(0))[: 2 if "2" in words else 1]
    subprocess.run(
        [sys.executable, "-c", MAIN, "train", MODEL, str(pictures), "--recipe", str(recipe),
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
