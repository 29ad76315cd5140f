"""What loading weights takes in memory: the peak of a process that builds a model and fills it.

Bound: at most 1.3 times what building the same model with random weights takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from record import record

SPEC = "vgg19bn+linear"
BOUND = 1.3
LOAD = """
import sys
from pathlib import Path
from zoo.engine import runtime
runtime.start("cpu")
from zoo import registry
from zoo.engine.assemble import assemble
from zoo.engine.weights import local
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
parts = registry.load()
resolved = parts.resolve(parts.parse(sys.argv[1]))
assemble(parts.resolve(parts.parse("small-cnn+linear")), classes=2)  # what TensorFlow takes once
if len(sys.argv) > 2:
    resolved = local.use(resolved, sys.argv[2])
before = peak()
assemble(resolved, classes=10)
print(peak() - before)
"""


def main() -> None:
    import zoo

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.weights.h5"
        model = zoo.build(SPEC, classes=10)
        model.save_weights(file)
        size = 4 * model.count_params()
        del model
        grown = {"random weights": _grown(SPEC), "weights from a file": _grown(SPEC, str(file))}
    ratio = grown["weights from a file"] / grown["random weights"]
    rows = [(way, f"{peak / 1e6:.0f}", f"{peak / size:.2f}") for way, peak in grown.items()]
    note = (
        f"{SPEC}, {size / 1e6:.0f} MB of weights, each in a process of its own: how much its peak "
        f"grows while the model is built and filled. From a file it is {ratio:.2f} times that of "
        f"random weights; the bound is {BOUND}."
    )
    header = ("model with", "peak MB", "times the weights")
    record("weights", "Weights", header, rows, note, ratio=ratio, bound=BOUND, grown=grown)
    if ratio > BOUND:
        raise SystemExit(1)


def _grown(*words: str) -> int:
    command = [sys.executable, "-c", LOAD, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
