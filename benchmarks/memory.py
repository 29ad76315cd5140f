"""How much memory loading takes, from a thousand pictures to a hundred thousand.

Bound: flat, which is told as at most 1.15 times from the smallest set to the largest.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

COUNTS = (1_000, 10_000, 100_000)
SIDE = 64
BOUND = 1.15


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        peaks = {}
        for count in COUNTS:
            folder = make(root / str(count), count)
            done = subprocess.run(
                [sys.executable, __file__, str(folder)], capture_output=True, text=True, check=True
            )
            peaks[count] = int(done.stdout)
    least = peaks[COUNTS[0]]
    rows = [
        (f"{count:,}", f"{peak / 1e6:,.0f} MB", f"{peak / least:.2f}")
        for count, peak in peaks.items()
    ]
    note = (
        f"Peak memory of a process that lists a folder of {SIDE}x{SIDE} JPEGs and goes through it "
        f"once in shuffled batches, nothing cached, TensorFlow's own memory included; the bound is "
        f"{BOUND} times."
    )
    record(
        "memory", "Memory of loading", ("pictures", "peak", "times"), rows, note, peaks=peaks,
        bound=BOUND,
    )  # fmt: skip
    if peaks[COUNTS[-1]] > BOUND * least:
        raise SystemExit(1)


def make(folder: Path, count: int) -> Path:
    """A folder of two classes whose files are a few pictures by many names."""
    import numpy as np
    from PIL import Image

    from zoo.engine import generate

    originals = []
    for number, name in enumerate(sorted(generate.SHAPES)[:2]):
        place = folder / "train" / name
        place.mkdir(parents=True)
        (folder / "val" / name).mkdir(parents=True)
        path = folder / f"{name}.jpg"
        pixels = generate.draw(name, SIDE, np.random.default_rng(number))[0]
        Image.fromarray(pixels).save(path, quality=92)
        os.link(path, folder / "val" / name / "0.jpg")
        originals.append((path, place))
    for number in range(count):
        path, place = originals[number % 2]
        # A file system bears only so many names of one file.
        (place / f"{number:06}.jpg").symlink_to(path)
    return folder


def once(folder: str) -> None:
    """Go through a folder once; print the peak."""
    from zoo.engine import data, runtime

    runtime.start("cpu")
    samples = data.read(folder, test=0).split("train")
    for _ in data.batches(samples, (SIDE, SIDE), 32, shuffle=0, cache_bytes=0):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    once(sys.argv[1]) if len(sys.argv) > 1 else main()
