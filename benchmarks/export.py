"""What `zoo export` of the flagship takes: memory of all its processes, seconds, parity."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record

SPEC = "vgg16bn+dense-bn"
CLASSES = 1000
POLL_SECONDS = 0.01
MIB = 2**20
ZOO = [sys.executable, "-c", "from zoo.cli.main import main; raise SystemExit(main())"]


def main() -> None:
    baseline, _, _ = measured([sys.executable, "-c", "import tensorflow"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "model.keras"
        build = [*ZOO, "build", SPEC, "--classes", str(CLASSES), "--seed", "0"]
        subprocess.run([*build, "--out", str(file)], check=True, capture_output=True)
        jobs = {
            f"{SPEC}, random weights": [SPEC, "--classes", str(CLASSES), "--seed", "0"],
            f"{SPEC}, from a .keras file": [str(file)],
        }
        facts = {
            title: export([*ZOO, "export", *words, "--out", str(folder / f"{i}"), "--json"])
            for i, (title, words) in enumerate(jobs.items())
        }
    for row in facts.values():
        row["beyond_tensorflow"] = (row["peak"] - baseline) / row["bytes"]
    header = ("model", "file", "peak", "beyond TensorFlow", "seconds", "largest difference")
    rows = [
        (
            title,
            f"{row['bytes'] / MIB:.0f} MiB",
            f"{row['peak'] / MIB:.0f} MiB",
            f"{row['beyond_tensorflow']:.2f} x the weights",
            f"{row['seconds']:.1f}",
            f"{row['difference'] / row['largest_logit']:.1e} of the largest logit",
        )
        for title, row in facts.items()
    ]
    note = (
        f"224x224, {CLASSES} classes. Peak is the largest resident memory of the command and its "
        f"children together, seen every {POLL_SECONDS * 1000:.0f} ms; a process that only "
        f"imported TensorFlow takes {baseline / MIB:.0f} MiB."
    )
    record("export", "Export", header, rows, note, baseline=baseline, exports=facts)


def export(command: list[str]) -> dict[str, float]:
    """Run an export and tell what it took and what it gave."""
    peak, seconds, output = measured(command)
    document = json.loads(output)
    return {
        "peak": peak,
        "seconds": seconds,
        "bytes": document["bytes"],
        "difference": document["parity"]["max_difference"],
        "largest_logit": document["parity"]["largest_logit"],
        "top1_agreement": document["parity"]["top1_agreement"],
    }


def measured(command: list[str]) -> tuple[int, float, bytes]:
    """Peak resident bytes of a command's process tree, its seconds, and what it printed."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(map(resident, tree(process.pid))))
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} exited with {process.returncode}")
        output.seek(0)
        return peak, seconds, output.read()


def tree(pid: int) -> list[int]:
    """A process and all it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in tree(int(child)))]


def resident(pid: int) -> int:
    """Resident bytes of a process, 0 if it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
