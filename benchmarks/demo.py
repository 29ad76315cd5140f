"""What the whole job takes a newcomer: seconds, memory of all its processes, accuracy.

Bounds: 3 minutes on 2 cores, 3 GB, 97 % of the test digits.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from export import measured
from record import record

MINUTES, BYTES, ACCURACY = 3, 3e9, 0.97


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        zoo = [sys.executable, "-c", "from zoo.cli.main import main; raise SystemExit(main())"]
        peak, seconds, output = measured([*zoo, "demo", "--out", str(Path(name, "demo")), "--json"])
    demo = json.loads(output)
    low, high = demo["accuracy_interval"]
    rows = [
        ("wall", f"{seconds:.0f} s", f"{60 * MINUTES} s"),
        ("peak memory", f"{peak / 1e9:.2f} GB", f"{BYTES / 1e9:.0f} GB"),
        (
            "test accuracy",
            f"{100 * demo['accuracy']:.1f} % (95 %: {100 * low:.1f} to {100 * high:.1f} %)",
            f"{100 * ACCURACY:.0f} %",
        ),
        *((f"{step}, s", f"{took:.1f}", "") for step, took in demo["seconds"].items()),
    ]
    note = (
        f"`zoo demo` in a fresh process: {demo['spec']} on scikit-learn's digits, "
        f"{demo['pictures']} of them to test on. Memory is that of the process and its children."
    )
    record(
        "demo", "Demo", ("what", "measured", "bound"), rows, note,
        seconds=seconds, peak_bytes=peak, demo=demo,
    )  # fmt: skip
    if seconds > 60 * MINUTES or peak > BYTES or demo["accuracy"] < ACCURACY:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
